"""Train replicates of one task on one kind of hardware.

Each replicate is trained in a process that is forked from the process of this command, so that PyTorch is imported only
once. Finished replicates are kept and never trained again, even if the job is interrupted or fails.
"""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = (
    "noisegrid train quick --hardware cpu --task smallcnn-digits --replicates 0-9 "
    "--dataset resources/datasets/digits --output chunk.json"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser)
    parser.add_argument("--hardware", required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--replicates", required=True, help="FIRST-LAST, or NOISE.FIRST-LAST for a single noise")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of the prepared dataset")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all results")
    parser.add_argument("--cores", type=int, default=1, help="number of threads that may be busy at the same time")
    parser.add_argument("--checkpoint-minutes", type=float, default=10, help="minutes between checkpoints of a run")
    arguments.add_image(parser)
    parser.add_argument(
        "--accept-failures", action="store_true", help="list failed replicates in the chunk file instead of failing"
    )
    parser.add_argument("--share-gpu", action="store_true", help="allow several jobs to compute on one GPU")
    parser.add_argument("--output", type=Path, required=True, help="the chunk file to write at the end")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    # must be the first import, because it sets variables that NumPy and PyTorch read when they are imported
    from noisegrid.training.job import run_job

    run_job(options)
