"""Run one replicate again, alone, from its record, and compare the bits.

Reads: a record.json and the prepared dataset that it names. Writes nothing, or a new replicate folder with --output.
Command: python -m noisegrid.replay results/quick/replicates/cpu/smallcnn-digits/algo/3/record.json
Exit status: 0 if the weight hash is the recorded one, 1 if not.
"""

from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.data.prepared import Dataset, open_prepared
from noisegrid.records import record
from noisegrid.runtime import container, machine
from noisegrid.training.replicate import train_and_write
from noisegrid.training.train import Outcome, Run, train


def replay(path: Path, datasets: Path, output: Path | None) -> int:
    """Train again with the record's settings, seeds and switches; print both hashes; return the exit status."""
    old = record.read_record(path.parent)
    data = open_prepared(datasets / old["dataset"]["name"])
    if data.digest != old["dataset"]["digest"]:
        raise NoisegridError(f"{datasets / data.name} is not the dataset of {path}: digest {data.digest} differs")
    run = Run(old["settings"], old["seeds"], old["flags"])
    outcome = (
        train_and_write(run, old["cell"], old["replicate"], data, output, container.check_inside(None))
        if output
        else train(run, data)
    )
    same = outcome.final.weights.hash == old["weight_hash"]
    print(f"recorded  {old['weight_hash']}\nreplayed  {outcome.final.weights.hash}")
    print("same bits" if same else "other bits")
    if not same:
        print(_explain(old))
        return 1
    if others := _others(old, outcome, record.read(path.parent, record.WEIGHTS), data):
        print(f"other bits\nwhat differs:\n  nothing that the record knows of, but its {', '.join(others)}")
    return 1 if others else 0


def _others(old: dict[str, Any], outcome: Outcome, packed: record.Replicate, data: Dataset) -> list[str]:
    """What the replicate holds besides its final weights that did not come out again, though the weights did."""
    arrays = packed.predictions()
    same = {
        "initial weights": outcome.initial_hash == old["initial_weight_hash"],
        "predictions": np.array_equal(arrays["logits"], outcome.final.logits),
        "predictions after half of the epochs": np.array_equal(arrays["midpoint_logits"], outcome.midpoint.logits),
        "labels": np.array_equal(arrays["label"], np.asarray(data.test_labels)),
    }
    return [name for name, equal in same.items() if not equal]


def _explain(old: dict[str, Any]) -> str:
    """What differs between the recorded run and this one, or that the record promises no equal bits."""
    here = {
        "device": machine.device(old["settings"]["hardware"]["device"]),
        "software": machine.software(),
        "code": machine.code(),
    }
    differences = [
        f"  {part}.{key}: {old[part].get(key)} -> {value}"
        for part, now in here.items()
        for key, value in now.items()
        if old[part].get(key) != value
    ]
    if not old["flags"]["deterministic"]:
        differences.insert(0, "  the record left the framework's kernels free: equal bits are not promised")
    return "what differs:\n" + ("\n".join(differences) or "  nothing that the record knows of")
