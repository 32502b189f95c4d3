"""`python -m noisegrid` is the `noisegrid` command."""

import sys

from noisegrid.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
