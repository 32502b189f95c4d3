"""Compare the runs of a study that have the same seeds but were trained on different kinds of hardware."""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = (
    "noisegrid compare-hardware results/upgrade/design.json --task smallcnn-digits --noise algo "
    "--chunks cpu/smallcnn-digits/0-9.json h100/smallcnn-digits/0-9.json --output x.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_design(parser)
    parser.add_argument("--task", required=True)
    parser.add_argument("--noise", required=True)
    parser.add_argument("--chunks", type=Path, nargs="+", required=True, help="chunk files <hardware>/<task>/*.json")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all results")
    parser.add_argument("--output", type=Path, required=True, help="the CSV to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.files import write_text
    from noisegrid.measuring.across_hardware import compare_all
    from noisegrid.measuring.cell import csv_of, load_replicates
    from noisegrid.study import design

    cells = [
        cell for cell in design.read(options.design).cells if (cell.task, cell.noise) == (options.task, options.noise)
    ]
    loaded = []
    for cell in cells:
        chunks = [path for path in options.chunks if path.parts[-3] == cell.hardware]
        loaded.append((cell, load_replicates(cell, chunks, options.results)[0]))
    write_text(options.output, csv_of(compare_all(loaded)))
