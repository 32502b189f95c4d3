"""Measure the overhead of determinism: time the training step of a network on an idle device, alternating between arms.

Prints a table, and one sentence per comparison. With --output, writes two files for each network when it is done:
<hardware>/<network>.csv has every timed block, and <hardware>/<network>.json lists the device, the versions, the timed
arms and the skipped arms. The blocks of a network that is not done yet are in <hardware>/<network>.csv.partial. With
--explain, nothing is timed; the operators that may vary on CUDA are listed.
"""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid overhead resnet50"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "networks",
        nargs="*",
        metavar="NETWORK",
        default=[],
        help="names in networks.yaml, package.module:function, or all (default with --study: those of the study)",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="time nothing; list the operators that may vary on CUDA, and what strict mode does (needs no GPU)",
    )
    parser.add_argument("--hardware", default="auto", help="a name in hardware.yaml (default: this machine's entry)")
    parser.add_argument("--arms", nargs="+", help="names in arms.yaml (default: all but the slow ones)")
    count = arguments.positive
    parser.add_argument(
        "--inputs", help="what your own network takes: images, tokens or table (default: images; see docs/own.md)"
    )
    parser.add_argument(
        "--size", type=count, metavar="N", help="pixels of an image's edge, or tokens, or columns (default 224)"
    )
    parser.add_argument("--classes", type=count, metavar="N", help="classes, or different tokens (default 1000)")
    parser.add_argument("--batch-size", type=count, metavar="N", help="examples per training step (default 128)")
    parser.add_argument("--processes", type=count, metavar="N", help="processes, one after the other (default 5)")
    parser.add_argument("--blocks", type=count, metavar="N", help="timed blocks per arm in a process (default 3)")
    parser.add_argument("--steps", type=count, metavar="N", help="training steps per block (default 7)")
    parser.add_argument("--threads", type=count, metavar="N", help="CPU threads (default: all cores)")
    parser.add_argument(
        "--allow-shared",
        action="store_true",
        help="time a GPU even if other processes also use it, and add a note to the result",
    )
    arguments.add_image(parser)
    parser.add_argument("--study", help="take networks, arms and sizes from this study")
    parser.add_argument("--output", type=Path, help="folder for <hardware>/<network>.csv and .json")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.overhead.summary import explain_networks, time_networks

    (explain_networks if options.explain else time_networks)(options)
