"""`python -m larder`."""

import sys

from larder.cli import main

sys.exit(main(sys.argv[1:]))
