"""Train one replicate through XLA in this process, which starts XLA only once, and print what the tests ask for (JSON).

python on_xla.py STUDY DATASETS NOISE REPLICATE [--checkpoints FOLDER] [--stop-after STEPS] [--precision P] [--mapped]
"""

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

from noisegrid.data.prepared import open_prepared
from noisegrid.runtime import xla
from noisegrid.study.resolve import load_study
from noisegrid.training import loader, train
from noisegrid.training.checkpoint import Checkpoints, Interrupted
from noisegrid.training.replicate import run_of


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("study")
    parser.add_argument("datasets", type=Path)
    parser.add_argument("noise")
    parser.add_argument("replicate", type=int)
    parser.add_argument("--checkpoints", type=Path)
    parser.add_argument("--stop-after", type=int, default=0)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--mapped", action="store_true", help="leave the images memory-mapped")
    options = parser.parse_args()
    if options.mapped:
        loader.RESIDENT_BYTES = 0
    (cell,) = (cell for cell in load_study(options.study).cells if cell.noise == options.noise)
    cell.settings["hardware"]["precision"] = options.precision
    checkpoints, steps, compiled = Checkpoints(options.checkpoints, "run"), itertools.count(1), dict[int, int]()

    def visit(training: Any) -> None:
        compiled[training.epoch] = xla.compilations()
        checkpoints.asked_to_stop = next(steps) == options.stop_after

    checkpoints.on_visit = visit
    try:
        outcome = train.train(
            run_of(cell, options.replicate), open_prepared(options.datasets / cell.dataset), checkpoints
        )
    except Interrupted:
        print(json.dumps({"interrupted": True}))
        return
    loss = outcome.history[-1]["train_loss"]
    found = {"hash": outcome.final.weights.hash, "resumed": outcome.resumed, "compiled": compiled, "loss": loss}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
