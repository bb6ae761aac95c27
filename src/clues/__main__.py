"""`python -m clues`, and `accelerate launch -m clues`: the command line."""

import sys

from clues.cli.main import main

sys.exit(main())
