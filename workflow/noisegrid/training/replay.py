"""The replay of one replicate: trains the replicate again from its record, and compares the bits.

Reads a record.json and the prepared dataset specified in it. Writes a new replicate folder if its path is given.
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
    """Train a replicate again with the settings, seeds and switches of its record, and compare the bits.

    Print the recorded weight hash and the new weight hash. If any bits differ, also print what may explain this.

    Parameters
    ----------
    path : Path
        The record.json of the replicate.
    datasets : Path
        The folder of the prepared datasets.
    output : Path or None
        The folder to write the new replicate to, or None to write nothing.

    Returns
    -------
    int
        The exit code: 0 if weights, predictions and labels have the recorded bits, 1 otherwise.

    Raises
    ------
    NoisegridError
        If the record or the dataset cannot be used.
    """
    old = record.read_record(path.parent)
    data = open_prepared(datasets / old["dataset"]["name"])
    if data.digest != old["dataset"]["digest"]:
        raise NoisegridError(
            f"{datasets / data.name} is not the dataset recorded in {path}: its digest is {data.digest}"
        )
    run = Run(old["settings"], old["seeds"], old["flags"])
    outcome = (
        train_and_write(run, old["cell"], old["replicate"], data, output, container.check_inside(None))
        if output
        else train(run, data)
    )
    same = outcome.final.weights.hash == old["weight_hash"]
    print(f"recorded  {old['weight_hash']}\nreplayed  {outcome.final.weights.hash}")
    print("same bits" if same else "other bits")  # noisegrid.crate.rerun reads these lines
    if not same:
        print(_explain(old))
        return 1
    if others := _others(old, outcome, record.read(path.parent, record.WEIGHTS), data):
        print(
            "other bits\nwhat differs:\n  nothing that the record knows of; the final weights are equal, but not the "
            + ", ".join(others)
        )
    return 1 if others else 0


def _others(old: dict[str, Any], outcome: Outcome, packed: record.Replicate, data: Dataset) -> list[str]:
    """List the parts of a replicate, apart from its final weights, that were not reproduced bit by bit."""
    arrays = packed.predictions()
    same = {
        "initial weights": outcome.initial_hash == old["initial_weight_hash"],
        "predictions": np.array_equal(arrays["logits"], outcome.final.logits),
        "predictions after half of the epochs": np.array_equal(arrays["midpoint_logits"], outcome.midpoint.logits),
        "labels": np.array_equal(arrays["label"], np.asarray(data.test_labels)),
    }
    return [name for name, equal in same.items() if not equal]


def _explain(old: dict[str, Any]) -> str:
    """Describe how the new run differs from the recorded run, and say if equal bits are not guaranteed."""
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
        differences.insert(0, "  the recorded run left the framework's kernels free, so equal bits are not guaranteed")
    return "what differs:\n" + ("\n".join(differences) or "  nothing that the record knows of")
