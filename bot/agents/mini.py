"""mini-swe-agent (measured with 2.4.6): ``mini -y --exit-immediately``.

It prints pages for people; what counts is the trajectory that it leaves. It exits with 0 also where it reached a
limit, so the trajectory's exit status is asked. Its model ends the run by submitting: the prompt asks for the summary
block in the same breath, which is read from the submission.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from bot.agents.agent import AgentError, AgentEvent, Command, Finished, Invocation, Raw, Usage
from bot.agents.program import Program
from bot.agents.trouble import trouble_of
from bot.agents.wording import prompt_argument

_LARGEST = 64_000_000
_CAPS = ("LimitsExceeded", "StepLimitExceeded", "CostLimitExceeded")


@dataclass(frozen=True)
class MiniAgent(Program):
    """Its model is named as LiteLLM names models: ``provider/model``."""

    name: str = "mini"
    program: str = "mini"
    credentials: tuple[str, ...] = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY")
    hosts: tuple[str, ...] = (
        "api.openai.com",
        "api.anthropic.com",
        "generativelanguage.googleapis.com",
        "openrouter.ai",
    )

    def start(self, invocation: Invocation) -> Command:
        argv = [self.program, "-y", "--exit-immediately", "-o", str(_trajectory(invocation.home))]
        if invocation.model:
            argv += ["-m", invocation.model]
        if invocation.usd is not None:
            argv += ["-l", f"{invocation.usd:.4f}"]
        if invocation.turns is not None:
            argv += ["-c", "mini.yaml", "-c", f"agent.step_limit={invocation.turns}"]
        environment = {
            "MSWEA_CONFIGURED": "true",
            "MSWEA_COST_TRACKING": "ignore_errors",
            "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": "3",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        if invocation.base_url:
            environment["OPENAI_API_BASE"] = invocation.base_url
        return Command((*argv, "-t", prompt_argument(invocation)), environment)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        """Pages for people, the prompt with its example of a summary among them: not taken for the agent's words."""
        return (Raw(text=line.decode(errors="replace").rstrip("\r\n")),)

    def ending(self, invocation: Invocation, code: int) -> tuple[AgentEvent, ...]:
        try:
            file = _trajectory(invocation.home)
            if file.is_symlink() or file.stat().st_size > _LARGEST:
                return ()
            info = _Trajectory.model_validate_json(file.read_bytes()).info
        except (OSError, ValidationError):
            return ()
        usage = Usage(usd=info.model_stats.instance_cost)
        if info.exit_status == "Submitted":
            return (usage, Finished(text=info.submission))
        if not info.exit_status:
            return (usage,)
        text = f"mini ended with {info.exit_status}. {info.submission}".strip()
        return (usage, AgentError(text=text, trouble=trouble_of(text), capped=info.exit_status in _CAPS))


def _trajectory(home: Path) -> Path:
    return home / "trajectory.json"


class _Stats(BaseModel):
    instance_cost: float | None = None


class _Info(BaseModel):
    exit_status: str = ""
    submission: str = ""
    model_stats: _Stats = _Stats()


class _Trajectory(BaseModel):
    """What is read of a trajectory file; the rest of it is ignored."""

    info: _Info = _Info()
