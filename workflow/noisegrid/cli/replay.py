"""Train a replicate again from its record, on this machine, and compare the result with the recorded one bit by bit.

The comparison covers weights, predictions and labels. The exit code is 0 if all bits are equal, 6 if the weights differ
and another processor model trained the replicate, so that this machine cannot judge it, and 1 otherwise.
"""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid replay results/quick/replicates/cpu/smallcnn-digits/algo/0/record.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("record", type=Path, metavar="RECORD", help="the record.json of a replicate")
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"), help="folder of prepared datasets")
    parser.add_argument("--output", type=Path, help="also write the new replicate into this folder")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.common.errors import NoisegridError

    if options.record.name != "record.json" or not options.record.is_file():
        raise NoisegridError(
            f"there is no record {options.record}; give the path of a record.json, such as "
            "results/STUDY/replicates/HARDWARE/TASK/NOISE/0/record.json"
        )
    from noisegrid.training.replay import replay

    return replay(options.record, options.datasets, options.output)
