"""The replay of one replicate: the replicate is trained again from its record, and the bits are compared.

The replay reads a record.json and the prepared dataset that the record names. If the path of an output folder is given,
it writes the new replicate to this folder.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.data.prepared import Dataset, open_prepared
from noisegrid.records import record
from noisegrid.records.predictions import agree, outputs, stored_labels
from noisegrid.runtime import container, devices, gpu_sharing, machine
from noisegrid.runtime.children import end_with_parent
from noisegrid.runtime.hardware import entry
from noisegrid.runtime.replayed import (
    CHANGED,
    EQUAL_WEIGHTS,
    OTHER_BITS,
    OTHER_PROCESSOR,
    OTHER_START,
    SAME_BITS,
    UNEXPLAINED,
)
from noisegrid.study.resolve import PROTOCOL
from noisegrid.training.outcome import Outcome
from noisegrid.training.replicate import train_and_write
from noisegrid.training.run import Run
from noisegrid.training.train import train

#: The part of a replicate that the seeds alone decide.
INITIAL = "initial weights"


def replay(path: Path, datasets: Path, output: Path | None) -> int:
    """Train a replicate again with the settings, seeds and switches of its record, and compare the bits.

    Print the recorded weight hash and the new weight hash. If any bits differ, also print the differences in device,
    software and code that may be the reason. On another processor, libraries choose other kernels under the same
    switches, so other bits are no failure there.

    A process of its own trains, so that one process can call this function several times: libraries read the switches
    of a run before their first computation, and never again.

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
        The exit code: 0 if initial weights, final weights, predictions and labels have the recorded bits,
        OTHER_PROCESSOR if the final weights have not and another processor trained the replicate, otherwise 1.

    Raises
    ------
    NoisegridError
        If the record or the dataset is missing or damaged, if the replicate was trained by another protocol, or if the
        dataset is not the one in the record. For a replicate from a GPU, also if this machine or environment lacks the
        recorded GPU model or stack.
    """
    try:
        context = get_context("fork")
        with ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=end_with_parent) as executor:
            code, lines = executor.submit(_replay, path, datasets, output).result()
    except BrokenProcessPool as error:
        raise NoisegridError(
            f"the process that replayed {path} was killed, perhaps because memory ran out; replay it on a machine with "
            "more memory"
        ) from error
    print(lines)
    return code


def _replay(path: Path, datasets: Path, output: Path | None) -> tuple[int, str]:
    """Return the exit code of `replay`, and the lines that it prints."""
    old, run, data = recorded_run(path, datasets)
    with recorded_device(old):
        outcome = (
            train_and_write(run, old["cell"], old["replicate"], data, output, container.check_inside(None))
            if output
            else train(run, data)
        )
        return _compare(path, old, outcome, data)


def recorded_run(path: Path, datasets: Path) -> tuple[dict[str, Any], Run, Dataset]:
    """Return a record, with what it takes to train its replicate again: the run and the prepared dataset.

    Raises
    ------
    NoisegridError
        If the record or the dataset is missing or damaged, if the replicate was trained by another protocol, or if the
        dataset is not the one in the record.
    """
    old = record.read_record(path.parent)
    if (found := old["settings"]["protocol"]) != PROTOCOL:
        raise NoisegridError(
            f"{path} was trained by protocol {found}, and this release trains by protocol {PROTOCOL}, so bits would "
            f"differ; replay it with noisegrid {old['noisegrid']}, which wrote it"
        )
    data = open_prepared(datasets / old["dataset"]["name"])
    if data.digest != old["dataset"]["digest"]:
        raise NoisegridError(
            f"{datasets / data.name} is not the dataset recorded in {path}: its digest is {data.digest}"
        )
    return old, Run(old["settings"], old["seeds"], old["flags"]), data


@contextmanager
def recorded_device(old: dict[str, Any]) -> Iterator[None]:
    """Make this process compute on a GPU as the recorded job did; do nothing for a replicate from a CPU.

    Claim a GPU of the recorded model, and give PyTorch the same part of its memory.

    Raises
    ------
    NoisegridError
        If this environment has another stack, if a variable of CUDA changes the arithmetic, or if this machine has no
        GPU of the model.
    """
    hardware = old["settings"]["hardware"]
    if hardware["device"] != "cuda":
        yield
        return
    stack = hardware.get("stack") or entry(old["cell"]["hardware"], "replay").stack
    machine.check_environment(stack, "cuda")
    with devices.claim(hardware["gpu"]):
        gpu_sharing.share(old["device"].get("replicates_on_gpu", 1))
        yield


def _compare(path: Path, old: dict[str, Any], outcome: Outcome, data: Dataset) -> tuple[int, str]:
    """Return the exit code of `replay`, and lines on whether the outcome has the bits of the record."""
    hashes = f"recorded  {old['weight_hash']}\nreplayed  {outcome.final.weights.hash}"
    if outcome.final.weights.hash != old["weight_hash"]:
        moved = _other_processor(old["device"])
        started = "" if outcome.initial_hash == old["initial_weight_hash"] else "the initial weights differ, too"
        lines = [hashes, OTHER_BITS, *filter(None, [moved, started]), _explain(old)]
        return OTHER_PROCESSOR if moved else 1, "\n".join(lines)
    if others := _others(old, outcome, record.read(path.parent, record.WEIGHTS), data):
        changed = [name for name, beyond_rounding in others.items() if beyond_rounding]
        reason = (OTHER_START if changed == [INITIAL] else CHANGED) if changed else _explain(old)
        return 1, "\n".join([hashes, OTHER_BITS, EQUAL_WEIGHTS + ", ".join(others), reason])
    return 0, f"{hashes}\n{SAME_BITS}"


def _other_processor(device: dict[str, Any]) -> str:
    """Return a sentence if a replicate was computed by another processor than this machine's, otherwise nothing.

    A GPU computes the same on every host. Records of earlier releases have the name of the processor only.
    """
    here = machine.device("cpu")
    known = [key for key in ("model", "host_processor") if device.get(key)]
    if device["kind"] != "cpu" or all(device[key] == here[key] for key in known):
        return ""
    then, now = (", ".join(str(each[key]) for key in known) for each in (device, here))
    return f"another processor model: {then} -> {now}: other bits are expected; noisegrid fingerprint shows where"


def _others(old: dict[str, Any], outcome: Outcome, packed: record.Replicate, data: Dataset) -> dict[str, bool]:
    """Return the parts of a replicate, apart from its final weights, that were not reproduced bit by bit.

    Each is mapped to whether it differs by more than rounding, which no device and no version explains.
    """
    arrays = packed.predictions()
    labels = stored_labels(data.part("test", old["settings"]["task"].get("context"))[1], data.form.labels)
    again = outputs(outcome.final.logits, outcome.midpoint.logits, labels, "logits" in arrays)
    kinds = dict(zip(("predictions", "predictions after half of the epochs"), again, strict=True))
    pairs = {words: (arrays[name], again[name]) for words, name in kinds.items()} | {
        "labels": (arrays["label"], labels)
    }
    started = {} if outcome.initial_hash == old["initial_weight_hash"] else {INITIAL: True}
    return started | {
        words: not agree(stored, computed)
        for words, (stored, computed) in pairs.items()
        if not np.array_equal(stored, computed)
    }


def _explain(old: dict[str, Any]) -> str:
    """List how the device, software and code of this process differ from those in the record, if the record knows them.

    If the recorded run used kernels that are not deterministic, also state that equal bits are not guaranteed.
    """
    here = {
        "device": machine.device(old["settings"]["hardware"]["device"]),
        "software": machine.software(),
        "code": _code(old),
    }
    differences = [
        f"  {part}.{key}: {old[part][key]} -> {value}"
        for part, now in here.items()
        for key, value in now.items()
        if key in old[part] and old[part][key] != value
    ]
    if not old["flags"]["deterministic"]:
        differences.insert(0, "  the recorded run left the framework's kernels free, so equal bits are not guaranteed")
    return "what differs:\n" + ("\n".join(differences) or f"  {UNEXPLAINED}")


def _code(old: dict[str, Any]) -> dict[str, Any]:
    """Return what identifies the code of this process; the digests alone if they are those of the record.

    Another commit with equal digests trains with the same code, so it explains nothing.
    """
    here = machine.code(old["settings"]["task"]["build"])
    digests = {key: value for key, value in here.items() if key in ("training_digest", "network_digest")}
    same = all(value is not None and old["code"].get(key) == value for key, value in digests.items())
    return digests if same else here
