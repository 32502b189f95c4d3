"""Train replicates on one kind of hardware.

Each replicate is trained in a process that is forked from the process of this command, so that PyTorch is imported only
once. Finished replicates are kept and never trained again, even if the job is interrupted or fails.
"""

import argparse
import os
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = (
    "noisegrid train quick --hardware cpu --replicates smallcnn-digits/0-9 "
    "--datasets resources/datasets --output chunk.json"
)
#: Variables that libraries read when they are imported. The first keeps NumPy from starting threads, which would not
#: survive the fork. CUDA would not survive it either; with the second, a library that looks for devices when it is
#: imported asks NVML and does not initialise CUDA. With the third, an OpenMP thread that waits for the others soon
#: gives its core away. Otherwise, a run of two threads would nearly stop on a busy machine (benchmarks/README.md).
BEFORE_IMPORTS = {
    "OPENBLAS_NUM_THREADS": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    "GOMP_SPINCOUNT": "10000",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser)
    parser.add_argument("--hardware", required=True)
    parser.add_argument(
        "--replicates",
        required=True,
        metavar="CHUNK",
        help="FIRST-LAST, for one task TASK/FIRST-LAST, for a single noise TASK/NOISE.FIRST-LAST",
    )
    parser.add_argument("--datasets", type=Path, required=True, help="folder of the prepared datasets")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all results")
    parser.add_argument(
        "--cores", type=arguments.positive, default=1, help="number of threads that may be busy at the same time"
    )
    parser.add_argument("--checkpoint-minutes", type=float, default=10, help="minutes between checkpoints of a run")
    arguments.add_image(parser)
    parser.add_argument(
        "--accept-failures", action="store_true", help="list failed replicates in the chunk file instead of failing"
    )
    parser.add_argument(
        "--share-gpu", type=arguments.positive, default=1, help="number of replicates that train on the GPU at a time"
    )
    parser.add_argument(
        "--scratch",
        default="",
        metavar="FOLDER",
        help="in a SLURM job, copy the datasets to this disk of the node first",
    )
    parser.add_argument("--output", type=Path, required=True, help="the chunk file to write at the end")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    for name, value in BEFORE_IMPORTS.items():
        os.environ.setdefault(name, value)
    from noisegrid.common.errors import NoisegridError, unknown
    from noisegrid.records import chunk_file
    from noisegrid.runtime import container
    from noisegrid.study.chunk import chunk_of
    from noisegrid.study.resolve import load

    chunk = chunk_of(options.replicates)
    study = load(options.study)
    cells = study.cells_of(options.hardware, chunk)
    if options.hardware not in study.hardware:
        raise NoisegridError(f"--hardware: {unknown('hardware', options.hardware, study.hardware)}")
    if not cells:
        raise NoisegridError(
            f"study {options.study} has no cell on {options.hardware}"
            + (f" of task {chunk.task}" if chunk.task else "")
            + (f" with noise {chunk.noise}" if chunk.noise else "")
        )
    image = container.check_inside(options.image)
    replicates = list(chunk_file.replicates_of(cells, chunk.numbers))
    missing = [one for one in replicates if not chunk_file.is_finished(options.results, *one, image)]
    if not missing:
        chunk_file.write(options.output, options.results, replicates)  # needs neither PyTorch nor the device
        return
    from noisegrid.training.job import run_job

    run_job(options, replicates, missing, image, study.keep)
