"""Write a commented study file into the current folder. The study can be trained as it is, or edited first.

With --network or --dataset, a Python file with a working example of a network or dataset is written beside the study
file. Replace the example with your own network or dataset.
"""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid init mine --network"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", metavar="NAME", help="name of the study; NAME.yaml is written")
    parser.add_argument("--network", action="store_true", help="also write an example of a network of your own")
    parser.add_argument("--dataset", action="store_true", help="also write an example of a dataset of your own")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.study.template import write

    written = write(options.name, Path.cwd(), options.network, options.dataset)
    print(f"wrote {', '.join(path.name for path in written)}; next: noisegrid check {written[0].name}")
