"""List the kernels of a training step on null CUDA: `list_kernels.py HARDWARE NOISES TASK...`; NULLCUDA_LOG is a file.

NOISES are separated by commas; NAME.K stands for replicate K of a noise, NAME for the first. A line of JSON has, for
each task and noise, how often each kernel is launched. All convolutions of cuDNN have one name, because the runtime
does not choose among its kernels.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

from count_steps import training_of

from noisegrid.training.checkpoint import Checkpoints

LOG = Path(os.environ["NULLCUDA_LOG"])


def kernels(task: str, hardware: str, noise: str) -> Counter[str]:
    """Return the kernels of the last step of some, as the first load libraries."""
    name, _, replicate = noise.partition(".")
    training = training_of(task, hardware, name, steps=4, replicate=int(replicate or 0))
    sizes: list[int] = []
    checkpoints = Checkpoints()
    checkpoints.on_visit = lambda _: sizes.append(LOG.stat().st_size)
    training.run_epoch(checkpoints)
    lines = LOG.read_bytes()[sizes[-2] : sizes[-1]].decode().splitlines()
    return Counter(line.partition("\t")[2] for line in lines if line.startswith("kernel\t"))


if __name__ == "__main__":
    hardware, noises, *tasks = sys.argv[1:]
    found = {task: {noise: kernels(task, hardware, noise) for noise in noises.split(",")} for task in tasks}
    print(json.dumps(found))
