"""What git runs before it takes a push, and what it must know for that.

Two looks, since a process for each ref is most of what a push of a few refs costs. `ALL_AT_ONCE` looks at all refs
with one git process: whether one of them is closed, or what it has below `.github/workflows` is not what the ref (a
new one: the default branch) had before. Nearly every push passes that. One that does not is refused as a whole by this
look, nothing of it is kept, and it is put to git again with `EACH`, which judges ref by ref, with GitHub's reasons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ZERO = "0" * 40

# Leaves the commands in a file, so that nobody has to ask which refs there were.
ALL_AT_ONCE = f"""#!/bin/sh
suspicious() {{ : > "$LOCALHUB_SUSPICIOUS"; exit 1; }}
zero={_ZERO}
commands= places=
while read -r old new ref; do
  commands="$commands$ref
"
  case "$ref" in refs/pull/*) suspicious ;; esac
  if [ "$old" != $zero ]; then
    case "$LOCALHUB_PROTECTED" in *" $ref "*) suspicious ;; esac
  fi
  if [ -n "$LOCALHUB_NO_WORKFLOWS" ] && [ "$new" != $zero ]; then
    base=$old
    [ "$old" = $zero ] && base=${{LOCALHUB_BASE:-$zero}}
    places="$places$base:.github/workflows
$new:.github/workflows
"
  fi
done
printf '%s' "$commands" > "$LOCALHUB_COMMANDS"
[ -n "$places" ] || exit 0
found=$(git cat-file --batch-check='%(objectname)' <<END
$places
END
)
IFS='
'
set -- $found
while [ $# -gt 1 ]; do
  before=${{1##* missing}} after=${{2##* missing}}
  [ "$before" = "$after" ] || suspicious
  shift 2
done
"""

EACH = f"""#!/bin/sh
refuse() {{
  printf '%s\\t%s\\n' "$ref" "$1" >> "$LOCALHUB_REASONS"
  printf '%s\\n' "$1" >&2
  exit 1
}}
ref=$1 old=$2 new=$3
zero={_ZERO}
case "$ref" in refs/pull/*) refuse "deny updating a hidden ref" ;; esac
if [ "$old" != $zero ]; then
  case "$LOCALHUB_PROTECTED" in *" $ref "*) refuse "protected branch hook declined" ;; esac
fi
if [ -n "$LOCALHUB_NO_WORKFLOWS" ] && [ "$new" != $zero ]; then
  base=$old
  [ "$old" = $zero ] && base=$LOCALHUB_BASE
  if [ -n "$base" ]; then
    paths=$(git diff --name-only "$base...$new" -- .github/workflows/)
  else
    paths=$(git ls-tree -r --name-only "$new" -- .github/workflows/)
  fi
  if [ -n "$paths" ]; then
    path=$(printf '%s\\n' "$paths" | head -n 1)
    refuse "refusing to allow a GitHub App to create or update workflow \\`$path\\` without \\`workflows\\` permission"
  fi
fi
"""


def write_hooks(folder: Path) -> None:
    """Both looks, each in a folder of its own below `folder`."""
    for name, text in (("all/pre-receive", ALL_AT_ONCE), ("each/update", EACH)):
        hook = folder / name
        hook.parent.mkdir(parents=True, exist_ok=True)
        hook.write_text(text)
        hook.chmod(0o755)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is refused in one push. `scratch` is a folder for what the hooks have to say."""

    scratch: Path
    closed: tuple[str, ...]
    """Refs that may not be moved or deleted, by full name."""
    workflows: bool
    """Whether workflows may be changed."""
    base: str
    """The head of the default branch, or nothing."""

    def environment(self, hooks: Path, look: str) -> Mapping[str, str]:
        """For git; `look` is `all` or `each`."""
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.hooksPath",
            "GIT_CONFIG_VALUE_0": str(hooks / look),
            "LOCALHUB_COMMANDS": str(self.scratch / "commands"),
            "LOCALHUB_SUSPICIOUS": str(self.scratch / "suspicious"),
            "LOCALHUB_REASONS": str(self.scratch / "reasons"),
            "LOCALHUB_PROTECTED": f" {' '.join(self.closed)} ",
            "LOCALHUB_BASE": self.base,
            "LOCALHUB_NO_WORKFLOWS": "" if self.workflows else "1",
        }

    @property
    def suspicious(self) -> bool:
        """Whether the first look refused."""
        return (self.scratch / "suspicious").exists()

    def refs(self) -> tuple[str, ...] | None:
        """The refs that the push named; None where git refused it before it was looked at."""
        commands = self.scratch / "commands"
        return tuple(commands.read_text().splitlines()) if commands.exists() else None

    def refused(self) -> Mapping[str, str]:
        """GitHub's reasons, by ref."""
        reasons = self.scratch / "reasons"
        lines = reasons.read_text().splitlines() if reasons.exists() else []
        return {ref: reason for ref, _, reason in (line.partition("\t") for line in lines)}
