"""What `noisegrid diverge` runs: a replicate from its record, a task of the catalog, or a step of the user.

A subject runs in a process of its own (see side), because libraries choose their kernels once in a process.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from noisegrid.common.errors import NoisegridError, first_line, unknown
from noisegrid.common.references import imported
from noisegrid.common.schemas import catalog
from noisegrid.data.prepared import Dataset, open_prepared
from noisegrid.divergence.changes import changed, parsed
from noisegrid.divergence.parts import Parts
from noisegrid.divergence.recorder import Recorder
from noisegrid.divergence.request import Subject
from noisegrid.runtime import devices, machine
from noisegrid.runtime.hardware import entry
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import PROTOCOL, hardware_settings
from noisegrid.study.settings import Hardware
from noisegrid.training import noise
from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.replay import recorded_device, recorded_run
from noisegrid.training.run import Run
from noisegrid.training.train import Training, begun

#: The switches of a step of the user, if nothing is said of them: those of a held run on a CPU, as far as PyTorch goes.
STEP_FLAGS: noise.Flags = {
    "precision": "fp32", "tf32": False, "memory_format": "contiguous_format", "deterministic": True,
    "fill_memory": False, "threads": 1, "aten": "", "onednn": "", "mkl": "",
}  # fmt: skip


class _Enough(Exception):
    """Raised to end a run after its last recorded step."""


class _RecordedTraining(Training):
    """A run in progress whose steps are recorded."""

    recorder: Recorder

    def _train_batch(self, inputs: Tensor, labels: Tensor) -> None:
        if self.recorder.finished:
            self.recorder.end(self.network, [self.optimizer])
            raise _Enough
        size, count = self.task.batch_size, len(self.train_batches.labels)
        examples = self.train_batches.order(self.seeds, self.epoch, count)[self.step * size : (self.step + 1) * size]
        step = partial(super()._train_batch, inputs, labels)
        self.recorder.step(step, self.network, [self.optimizer], (inputs, labels), examples.tolist())


def _record_run(run: Run, data: Dataset, recorder: Recorder) -> None:
    if run.world_size > 1:
        raise NoisegridError(
            f"this run trains with {run.world_size} processes (world_size), but diverge records the steps of one; "
            "compare runs with world_size 1"
        )
    with begun(run, data, _RecordedTraining) as training:
        assert isinstance(training, _RecordedTraining)
        training.recorder = recorder
        try:
            while training.epoch < run.task.epochs:
                training.run_epoch(Checkpoints())
            recorder.end(training.network, [training.optimizer])
        except _Enough:
            pass


def _task(subject: Subject, recorder: Recorder) -> dict[str, Any]:
    recipe = task_settings(resolve_tasks({}, "catalog"), catalog("datasets"), subject.name, "--task")
    hardware = hardware_settings(subject.hardware, "--hardware")
    settings: dict[str, Any] = {"task": recipe, "hardware": hardware, "protocol": PROTOCOL}
    seeds = dict.fromkeys(("init", "order", "augment", "dropout"), 0)
    run = Run(settings, seeds, noise.held_flags(Hardware.of(hardware)))
    with _device_of(run, subject.hardware):
        return _train(subject, run, open_prepared(Path(subject.datasets) / recipe["dataset"]), recorder)


@contextmanager
def _device_of(run: Run, name: str) -> Iterator[None]:
    """Make this process compute on a GPU of the hardware entry `name`; do nothing for another kind of device."""
    if not run.hardware.is_cuda:
        yield
        return
    machine.check_environment(entry(name).stack, run.hardware.device)
    with devices.claim(run.hardware.gpu):
        yield


def _replicate(subject: Subject, recorder: Recorder) -> dict[str, Any]:
    old, run, data = recorded_run(Path(subject.name), Path(subject.datasets))
    with recorded_device(old):
        return _train(subject, run, data, recorder)


def _train(subject: Subject, run: Run, data: Dataset, recorder: Recorder) -> dict[str, Any]:
    run = changed(run, parsed(subject.changes, subject.name))
    _record_run(run, data, recorder)
    return _about(subject, {"seeds": run.seeds, "switches": run.flags}, run.hardware.device)


def _step(subject: Subject, recorder: Recorder) -> dict[str, Any]:
    function = imported("step", subject.name)
    flags, seed = _step_flags(subject)
    noise.apply_flags(flags)
    machine.keep_freed_memory()
    _seed_all(seed)
    with _in_one_sentence(subject, "setting up"):
        state = function(None)
    parts = Parts.of(state, subject.name)
    while not recorder.finished:
        with _in_one_sentence(subject, f"step {len(recorder.states)}"):
            result = recorder.step(partial(function, state), parts.network, parts.optimizers, parts.batch)
        state = state if result is None else result
        parts = Parts.of(state, subject.name)
    recorder.end(parts.network, parts.optimizers)
    return _about(subject, {"seeds": {"seed": seed}, "switches": flags}, device_of(parts.network))


def _step_flags(subject: Subject) -> tuple[noise.Flags, int]:
    flags, seed = dict(STEP_FLAGS), 0
    for change in parsed(subject.changes, subject.name):
        if change.key == "seed":
            seed = int(change.value)
        elif change.key in ("precision", "memory_format"):
            raise NoisegridError(f"{subject.name}: a step of your own sets its {change.key} itself; change it there")
        elif change.key in flags or change.key in ("cudnn_benchmark", "cudnn_deterministic", "sdpa_backend"):
            flags[change.key] = change.value
        else:
            raise NoisegridError(f"{subject.name}: {unknown('key', change.key, [*flags, 'seed', 'cudnn_benchmark'])}")
    return flags, seed


def _seed_all(seed: int) -> None:
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    noise.seed_global(seed)


@contextmanager
def _in_one_sentence(subject: Subject, what: str) -> Iterator[None]:
    """Turn an exception of the user's code into one sentence."""
    try:
        yield
    except NoisegridError:
        raise
    except Exception as error:
        raise NoisegridError(
            f"{subject.name} failed while {what}: {type(error).__name__}: {first_line(error)}; correct it"
        ) from error


def device_of(network: nn.Module | None) -> str:
    """Return the kind of device that a network is on, such as `cuda`: `cpu` if there is none, or no parameter."""
    first = next(network.parameters(), None) if network is not None else None
    return first.device.type if first is not None else "cpu"


def about(kind: str, name: str, changes: Sequence[str], more: dict[str, Any], device: str) -> dict[str, Any]:
    """Return what was run, and where; `device` is the kind of device."""
    software = {key: value for key, value in machine.software().items() if key != "packages"}
    subject = {"kind": kind, "subject": name, "changes": list(changes)}
    return subject | more | {"device": machine.device(device), "software": software}


def _about(subject: Subject, more: dict[str, Any], device: str) -> dict[str, Any]:
    return about(subject.kind, subject.name, subject.changes, more, device)


#: How to run each kind of subject.
RUNS: dict[str, Callable[[Subject, Recorder], dict[str, Any]]] = {"record": _replicate, "task": _task, "step": _step}


def record_run(subject: Subject, recorder: Recorder) -> dict[str, Any]:
    """Run a subject in this process until the recorder has its steps; return what was run, and where."""
    return RUNS[subject.kind](subject, recorder)
