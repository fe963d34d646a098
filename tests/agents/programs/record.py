"""Record what real programs print, for the tests that must work without them.

    python -m tests.agents.programs.record [NAME …]

Each program plays the same small work and meets the same refusal; what it printed goes to
``tests/agents/streams/NAME.CASE.out``, what its adapter read in it to ``….events``. Times and
names that change with each run stay as they came, paths are shortened: a recording is made by hand, once for a
version.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from bot.agents.agent import AGENT_EVENT, Agent, AgentEvent
from bot.agents.claude import ClaudeAgent
from bot.agents.codex import CodexAgent
from bot.agents.gemini import GeminiAgent
from bot.agents.kimi import KimiAgent
from bot.agents.mini import MiniAgent
from bot.agents.opencode import OpencodeAgent
from tests.agents.model.script import SUMMARY, Ask, Refuse, Reply, Run, Script, always, once
from tests.agents.model.server import serve
from tests.agents.programs.installed import program
from tests.agents.programs.play import Desk

STREAMS = Path(__file__).parents[1] / "streams"
WORK = "echo hi > hi.txt && git add -A && git commit -qm 'Say hi' && echo committed"
SUBMIT = f"echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT; cat <<'END'\n{SUMMARY.format(text='Did what was asked.')}END"
AGENTS: dict[str, tuple[Agent, str, str, str]] = {
    "claude": (ClaudeAgent(), "ANTHROPIC_API_KEY", "claude-sonnet-4-5", ""),
    "codex": (CodexAgent(), "OPENAI_API_KEY", "gpt-5", "/v1"),
    "gemini": (GeminiAgent(), "GEMINI_API_KEY", "gemini-2.5-pro", ""),
    "opencode": (OpencodeAgent(), "OPENAI_API_KEY", "scripted", "/v1"),
    "mini": (MiniAgent(), "OPENAI_API_KEY", "openai/scripted", "/v1"),
    "kimi": (KimiAgent(), "KIMI_API_KEY", "scripted", "/v1"),
}


def submitting(ask: Ask) -> Reply:
    """mini's model ends by a command of its own."""
    return Run(SUBMIT) if ask.results else Run(WORK)


CASES: dict[str, Script] = {
    "work": once(WORK),
    "refused": always(Refuse(401, "Incorrect API key provided", "authentication_error")),
}


def read(agent: Agent, output: bytes, last: tuple[AgentEvent, ...] = ()) -> str:
    """The events of a stream, one JSON line each."""
    events = [*(event for line in output.splitlines() for event in agent.events(line)), *last]
    return "".join(f"{AGENT_EVENT.dump_json(event, exclude_none=True).decode()}\n" for event in events)


async def record(name: str, case: str) -> None:
    agent, variable, model_name, path = AGENTS[name]
    script = submitting if name == "mini" and case == "work" else CASES[case]
    found = program(name)
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), found.parent)
        desk.set_up()
        async with serve(script) as model:
            invocation = desk.invocation("Say hi in a file and commit it.", model_name, model.url + path)
            played = await desk.play(agent, invocation, {variable: "sk-scripted-0123456789"}, seconds=300)
        output = played.output.replace(folder.encode(), b"/desk").replace(str(found.parents[1]).encode(), b"/programs")
        (STREAMS / f"{name}.{case}.out").write_bytes(output)
        last = agent.ending(invocation, played.ending.code, played.errors)
        (STREAMS / f"{name}.{case}.events").write_text(read(agent, output, last))
        print(name, case, played.ending.code, played.account.error, len(played.output))


if __name__ == "__main__":
    for chosen in sys.argv[1:] or AGENTS:
        for each in CASES:
            asyncio.run(record(chosen, each))
