"""mini-swe-agent (measured with 2.4.6): ``mini -y --exit-immediately``.

It prints pages for people; what counts is the trajectory that it leaves. It exits with 0 also where it reached a
limit, so the trajectory's exit status is asked. Its model ends the run by submitting: the prompt asks for the summary
block in the same breath, which is read from the submission.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, JsonValue, ValidationError

from bot.agents.agent import AgentError, AgentEvent, Choice, Command, Finished, Invocation, Raw, Upstream, Usage
from bot.agents.program import Program
from bot.agents.shared_files import Unreadable, read_shared
from bot.agents.trouble import trouble_of
from bot.agents.wording import prompt_argument
from bot.model.budget import Metric

_LARGEST = 64_000_000
_LONGEST_ERROR = 1_500
_SYSTEM = "You are a helpful assistant that can interact with a computer."
"""The system prompt of ``mini.yaml``, to which ours is added."""
_CAPS = ("LimitsExceeded", "StepLimitExceeded", "CostLimitExceeded")


@dataclass(frozen=True, slots=True)
class _Maker:
    """Of models: where they are asked, the variable that changes this, and that of the key (LiteLLM's)."""

    url: str
    address: str
    key: str


_OPENAI = _Maker("https://api.openai.com/v1", "OPENAI_API_BASE", "OPENAI_API_KEY")
_MAKERS = {
    "openai": _OPENAI,
    "anthropic": _Maker("https://api.anthropic.com", "ANTHROPIC_API_BASE", "ANTHROPIC_API_KEY"),
    "openrouter": _Maker("https://openrouter.ai/api/v1", "OPENROUTER_API_BASE", "OPENROUTER_API_KEY"),
}


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

    system_place: str | None = "`agent.system_template`"

    keeps: tuple[Metric, ...] = (Metric.TURNS, Metric.USD)
    takes: tuple[Choice, ...] = ("model",)
    needs_model: bool = True
    tells_money: bool = True

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        """Its maker's, by the first part of the model's name."""
        maker = _maker(model)
        return None if maker is None else Upstream(base_url or maker.url, (maker.key,))

    def start(self, invocation: Invocation) -> Command:
        argv = [self.program, "-y", "--exit-immediately", "-o", str(_trajectory(invocation.home))]
        file = invocation.home / "crewline.yaml"
        argv += ["-c", "mini.yaml", "-c", str(file)]
        if invocation.model:
            argv += ["-m", invocation.model]
        if invocation.usd is not None:
            argv += ["-l", f"{invocation.usd:.4f}"]
        environment = {
            "MSWEA_CONFIGURED": "true",
            "MSWEA_COST_TRACKING": "ignore_errors",
            "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": "3",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        if invocation.base_url:
            environment[(_maker(invocation.model) or _OPENAI).address] = invocation.base_url
        files = {file: yaml.safe_dump({"agent": _agent(invocation)}, allow_unicode=True)}
        return Command((*argv, "-t", prompt_argument(invocation)), environment, files)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        """Pages for people, the prompt with its example of a summary among them: not taken for the agent's words."""
        return (Raw(text=line.decode(errors="replace").rstrip("\r\n")),)

    def ending(self, invocation: Invocation, code: int, errors: str = "") -> tuple[AgentEvent, ...]:
        try:
            content = read_shared(_trajectory(invocation.home), _LARGEST, "trajectory")
            trajectory = _Trajectory.model_validate_json(content)
        except (Unreadable, OSError, ValidationError):
            return ()
        info = trajectory.info
        usage = Usage(usd=info.model_stats.instance_cost)
        if info.exit_status == "Submitted":
            return (usage, Finished(text=info.submission))
        if not info.exit_status:
            return (usage,)
        text = f"mini ended with {info.exit_status}. {info.submission or trajectory.raised()}".strip()
        return (usage, AgentError(text=text, trouble=trouble_of(text), capped=info.exit_status in _CAPS))


def _maker(model: str | None) -> _Maker | None:
    return _MAKERS.get((model or "").partition("/")[0])


def _agent(invocation: Invocation) -> dict[str, JsonValue]:
    """Settings of its agent, beside those of ``mini.yaml``; a system prompt is a template there."""
    settings: dict[str, JsonValue] = {}
    if invocation.turns is not None:
        settings["step_limit"] = invocation.turns
    if invocation.system:
        literal = invocation.system.replace("{", "{{ '{' }}")
        settings["system_template"] = f"{_SYSTEM}\n\n{literal}"
    return settings


def _trajectory(home: Path) -> Path:
    return home / "trajectory.json"


class _Stats(BaseModel):
    instance_cost: float | None = None


class _Info(BaseModel):
    exit_status: str = ""
    submission: str = ""
    model_stats: _Stats = _Stats()


class _Extra(BaseModel):
    exception_str: str


class _Exit(BaseModel):
    """The last message of a run that ended with an error."""

    extra: _Extra


class _Trajectory(BaseModel):
    """What is read of a trajectory file; the rest of it is ignored."""

    info: _Info = _Info()
    messages: list[JsonValue] = []

    def raised(self) -> str:
        """The error that ended it, in the words of its model's interface, where it says so."""
        try:
            return _Exit.model_validate(self.messages[-1]).extra.exception_str[:_LONGEST_ERROR]
        except (IndexError, ValidationError):
            return ""
