"""`python -m bot`, and `crewline`: both start here."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Ctrl-C ends it without a traceback, also while the command line is still being imported."""
    try:
        from bot.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
