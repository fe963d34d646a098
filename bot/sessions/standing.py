"""Standing rules: what an agent is told beside every task, as the system prompt of its program where it has one.

The operator gives them for an agent (`system` in ``CREWLINE_AGENTS``), a repository for all of its agents
(``.github/crewline/system.md`` on its default branch, a template as the prompts are). Our own templates stay whole in
the prompt: what a session must do and how it ends is part of what the ledger keeps by its hash, a repository can
override it in one file, and it is the same for programs that have no place for a system prompt. For these the standing
rules come before the first prompt.
"""

from __future__ import annotations

from bot.git.mirror import Mirror
from bot.model.assignment import Assignment
from bot.sessions.prompt import override, render_system


async def standing_rules(mirror: Mirror, assignment: Assignment, operators: str | None) -> str | None:
    """The operator's, then the repository's. Raises PromptFailed."""
    template = await override(mirror, assignment.default_branch or assignment.base_branch, "system")
    repositorys = render_system(assignment, template) if template is not None else ""
    rules = "\n\n".join(part.strip() for part in (operators or "", repositorys) if part.strip())
    return rules.encode(errors="replace").decode() or None
