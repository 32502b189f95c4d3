"""Train replicates of one task on one hardware, in processes forked from this one, so that PyTorch is imported once.

Finished replicates are kept and never trained again, however the job ends.
"""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = (
    "noisegrid train quick --hardware cpu --task smallcnn-digits --replicates 0-9 "
    "--dataset resources/datasets/digits --output batch.json"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser)
    arguments.add_design(parser)
    parser.add_argument("--hardware", required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--replicates", required=True, help="first-last of every noise, or noise.first-last")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of the prepared dataset")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all results")
    parser.add_argument("--cores", type=int, default=1, help="threads that may be busy at a time")
    parser.add_argument("--checkpoint-minutes", type=float, default=10, help="between two checkpoints of a run")
    arguments.add_image(parser)
    parser.add_argument("--accept-failures", action="store_true", help="list failed replicates instead of failing")
    parser.add_argument("--share-gpu", action="store_true", help="several jobs may compute on one GPU")
    parser.add_argument("--output", type=Path, required=True, help="the batch file to write at the end")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.training.job import run_job  # sets variables that NumPy and PyTorch read at import: must come first

    run_job(options)
