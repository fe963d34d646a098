"""An agent without a model: a command-line program that plays its roles from a playbook.

It follows the protocol that every agent follows, and the bot does not know that it is special: the demo, the
tests and the bench start it by an ordinary command template.
"""
