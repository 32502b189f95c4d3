"""Measure how long a replicate of one task takes on one kind of hardware.

Trains for about a minute, writes the measured pace and discards the trained weights. `snakemake pilot` runs this
command for every task of a study. From the measured pace, the workflow computes how many replicates fit into a job,
and `noisegrid plan` computes the cost of the study.
"""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid pilot quick --hardware cpu --task smallcnn-digits --output pace.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser)
    parser.add_argument("--hardware", required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument(
        "--datasets", type=Path, default=Path("resources/datasets"), help="folder of the prepared datasets"
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all results")
    arguments.add_image(parser)
    parser.add_argument("--output", type=Path, required=True, help="the file to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.errors import NoisegridError, unknown
    from noisegrid.study.resolve import load

    study = load(options.study)
    if options.hardware not in study.values("hardware"):
        raise NoisegridError(f"--hardware: {unknown('hardware', options.hardware, study.values('hardware'))}")
    if (options.hardware, options.task) not in study.tasks:
        raise NoisegridError(f"--task: {unknown('task', options.task, study.values('task'))}")
    from noisegrid.training.pilot import run_pilot

    run_pilot(study, options.hardware, options.task, options.datasets, options.results, options.image, options.output)
