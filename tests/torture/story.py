"""What happened, line by line: the story that a failing seed prints."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Story:
    """Told in the order of events; `seconds` are those of virtual time since the start."""

    lines: list[str] = field(default_factory=list)

    def tell(self, seconds: float, who: str, what: str) -> None:
        minutes, rest = divmod(seconds, 60)
        self.lines.append(f"{int(minutes):4}:{rest:06.3f}  {who:<8} {what}")

    def text(self) -> str:
        return "\n".join(self.lines)
