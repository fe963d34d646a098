"""`python -m bot`, and `crewline`: both start here."""

import gc
import sys

INTERRUPTED = 130


def main() -> None:
    """Ctrl-C ends it without a traceback, also while the command line is still being imported. Nothing that is
    imported is garbage: it is not searched for it meanwhile, and a command that goes on for long ends that."""
    gc.disable()
    try:
        from bot.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
