"""Check every number in a package, without a GPU and without PyTorch. Nothing in the package is run or unpickled.

Every checksum is compared. Every record is checked against its schema, cell, seeds and files. The metrics are computed
again from the predictions (and from the weights, if the package contains them). Tables, claims, findings and figures
are made again from metrics.csv and overhead.csv. The command prints *same*, or the differences. With --rerun,
replicates are trained again. Those from another processor model that end with other bits here count as neither.

Exit code: 0 if everything is the same and, with --rerun, at least one replicate ended with the same bits; 1 if anything
differs; 6 if nothing differs, but no replicate that was to be trained again ended with the same bits.
"""

import argparse
import re
from pathlib import Path

from noisegrid.cli import arguments

#: Seconds that the training of a replicate may take, unless the user says otherwise.
TIME_LIMIT_S = 3600
EXAMPLE = "noisegrid verify results/quick/quick.crate.zip --rerun 2"


def seconds(text: str) -> float:
    """Convert an argument to a number of seconds above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value


def count_or_name(text: str) -> int | str:
    """Convert an argument to a number of replicates, or to the name of one."""
    if re.fullmatch(r"[^/]+/[^/]+/[^/]+/\d+", text):
        return text
    if not text.lstrip("-").isdecimal():
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a whole number nor a replicate such as cpu/smallcnn-digits/algo/2"
        )
    return arguments.positive(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="a .crate.zip, or a .crate.zip.xz")
    parser.add_argument(
        "--rerun",
        type=count_or_name,
        action="append",
        default=[],
        metavar="N",
        help="train N replicates again (requires PyTorch), chosen at random; instead of N, the name of a replicate: "
        "HARDWARE/TASK/NOISE/NUMBER; repeatable",
    )
    parser.add_argument("--choice", type=int, help="seed for choosing the N replicates (default: random)")
    parser.add_argument(
        "--time-limit",
        type=seconds,
        default=TIME_LIMIT_S,
        metavar="SECONDS",
        help="stop training a replicate again after this time; it then counts as not run again (default: %(default)s)",
    )
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"), help="folder of prepared datasets")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.crate.verify import verify_and_print

    return verify_and_print(options.package, options.rerun, options.choice, options.datasets, options.time_limit)
