"""Run the `noisegrid` command with `python -m noisegrid`."""

import sys

from noisegrid.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
