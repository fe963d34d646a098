"""The main job on a local GitHub, to look at: `crewline demo` and `crewline try`.

`sample/` is the package that the demo works on, `playbook/` what the scripted agent does there.
"""
