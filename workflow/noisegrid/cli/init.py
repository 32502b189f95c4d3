"""Write a study of your own into the current folder, with comments; it trains as it is, and you edit it from there.

With --network or --dataset, a Python file beside it holds a network or a dataset that works, to be replaced by yours.
"""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid init mine --network"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", metavar="NAME", help="name of the study; NAME.yaml is written")
    parser.add_argument("--network", action="store_true", help="with a network of your own")
    parser.add_argument("--dataset", action="store_true", help="with a dataset of your own")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.study.template import write

    written = write(options.name, Path.cwd(), options.network, options.dataset)
    print(f"wrote {', '.join(path.name for path in written)}; next: noisegrid check {written[0].name}")
