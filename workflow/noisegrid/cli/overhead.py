"""Measure what determinism costs: time a network's training step under every arm, interleaved, on an idle device.

Prints a table. With --output, writes per network <hardware>/<network>.csv (every block, as they come) and .json
(device, versions, arms, what was refused).
"""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid overhead --network resnet50"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--network", nargs="+", required=True, help="names in networks.yaml, package.module:function, or all"
    )
    parser.add_argument("--hardware", default="auto", help="a name in hardware.yaml (default: what this machine has)")
    parser.add_argument("--arms", nargs="+", help="names in arms.yaml (default: all but the slow ones)")
    parser.add_argument("--size", type=int, help="pixels of the images (default 224)")
    parser.add_argument("--batch-size", type=int, help="images per step (default 128)")
    parser.add_argument("--blocks", type=int, help="timed blocks of every arm (default 10)")
    parser.add_argument("--steps", type=int, help="training steps per block (default 10)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all cores)")
    parser.add_argument(
        "--allow-shared", action="store_true", help="time a GPU that others use too, and mark the result"
    )
    arguments.add_image(parser)
    parser.add_argument("--study", help="take networks, arms and sizes from this study")
    arguments.add_design(parser)
    parser.add_argument("--output", type=Path, help="folder for <hardware>/<network>.csv and .json")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.overhead.summary import time_networks

    time_networks(options)
