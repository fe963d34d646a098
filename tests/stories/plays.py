"""What the agents of a story do: playbooks of the scripted agent, written short.

In every text ``{task}``, ``{session}`` and the like are the agent's own placeholders; ``{shared}`` is a folder that
all sessions of a story and the story itself can reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
Part = Mapping[str, Json]

APPROVE: Part = {"answer": {"decision": "approve", "summary": "Good."}}
WRITE: Part = {"write": {"{task}.txt": "by {session}\n"}, "summary": "Wrote {task}.txt."}
REFUSE: Part = {"answer": {"kind": "refusal", "reason": "It can be done without.", "hint": "Do without."}}
AMENDS = "one task cannot be done as it was planned"
FENCE = "Only to see that the bot has come to rest"


def task(key: str, *depends_on: str, scope: str | None = None, **more: Json) -> Part:
    """A task of a plan, as a planner writes it."""
    return {
        "key": key,
        "title": f"Do {key}",
        "description": f"Write {key}.txt.",
        "scope": [scope or f"{key}.txt"],
        "depends_on": list(depends_on),
        **more,
    }


def plan(*tasks: Part) -> Part:
    return {"kind": "plan", "summary": "All of it.", "tasks": list(tasks)}


def playbook(*tasks: Part, **sessions: Json) -> dict[str, Json]:
    """Plan these tasks; every worker writes one file named after its task, every reviewer approves; `sessions` says
    what is different. A double underscore stands for the dot: ``one__worker``."""
    parts: dict[str, Json] = {"planner": [{"answer": plan(*tasks)}], "*.worker": [WRITE], "*.reviewer": [APPROVE]}
    return parts | {name.replace("__", "."): performances for name, performances in sessions.items()}


def amending(part: Part) -> Part:
    """`part`, played only where the planner is asked to amend a plan."""
    when = part.get("when")
    known = when if isinstance(when, Mapping) else {}
    texts = known.get("prompt_has", ())
    return {**part, "when": {**known, "prompt_has": [AMENDS, *(texts if isinstance(texts, list) else ())]}}


def amendment(**changes: Json) -> Part:
    """The planner changes the plan."""
    return {"answer": {"kind": "amendment", "reason": "Prices are shared.", **changes}}


def told(text: str, part: Part) -> Part:
    """`part`, played only where the prompt holds `text`."""
    return {**part, "when": {"prompt_has": [text]}}


def first(part: Part) -> Part:
    """`part`, played only in the first session."""
    return {**part, "when": {"ordinals": [1]}}


def waits_for(name: str, part: Part = WRITE) -> Part:
    """`part`, finished once somebody has put a file `name` into the shared folder. That it waits can be waited for."""
    waiting = f"echo {{session}} waits > {{shared}}/news; while [ ! -e {{shared}}/{name} ]; do sleep 0.02; done"
    return {**part, "run": [waiting]}


def meets(other: str, part: Part = WRITE) -> Part:
    """`part`, finished once task `other` has a worker too: two that meet run at the same time."""
    waiting = f"n=0; while [ ! -e {{shared}}/{other} ] && [ $n -lt 500 ]; do n=$((n+1)); sleep 0.02; done"
    alone = f"[ -e {{shared}}/{other} ] || touch {{shared}}/alone"
    return {**part, "run": [f"touch {{shared}}/{{task}}; {waiting}; {alone}"]}


def runs(*commands: str, part: Part | None = None) -> Part:
    """`part` with shell commands run before the commit."""
    return {**(part or {"summary": "Ran it."}), "run": list(commands)}


def refuses(message: str, path: str | None = None, line_of: str | None = None) -> Part:
    """A reviewer that asks for one change."""
    finding: Part = {"message": message}
    if path is not None and line_of is not None:
        finding = {**finding, "path": path, "line_of": line_of}
    return {"answer": {"decision": "request_changes", "summary": "Not yet.", "findings": [finding]}}
