"""What is evaluated: a network or task of the catalog, a network of the user, or a replicate from its record."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from noisegrid.common.errors import NoisegridError, UsageError, first_line, unknown
from noisegrid.common.references import FORM, imported
from noisegrid.common.schemas import catalog
from noisegrid.data.prepared import Dataset, open_prepared
from noisegrid.networks.build import build
from noisegrid.overhead.inputs import INPUTS, images
from noisegrid.records import record
from noisegrid.study.arms import inputs_of
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import PROTOCOL, hardware_settings
from noisegrid.study.settings import Hardware
from noisegrid.training import noise
from noisegrid.training.initial import build_network
from noisegrid.training.loader import EVALUATION_BATCH, Batches
from noisegrid.training.replay import recorded_run
from noisegrid.training.run import Run
from noisegrid.training.train import train
from noisegrid.training.weights import Weights, load_weights

NETWORK, TASK, FUNCTION, RECORD = "network", "task", "function", "record"
#: The size in pixels of the random images for a network, if the catalog states none; that of images for a function.
PIXELS, SMALL_PIXELS = 224, 32
SEED = 0


@dataclass(frozen=True)
class Subject:
    """What is evaluated, on how many examples.

    Attributes
    ----------
    kind : {"network", "task", "function", "record"}
        What `name` is: a name in the catalog of networks or of tasks, package.module:function, or a record.json.
    name : str
        The name.
    examples : int
        The number of examples.
    datasets : str
        The folder of the prepared datasets.
    """

    kind: str
    name: str
    examples: int
    datasets: str

    def flags(self) -> noise.Flags:
        """Return the switches of the reference: those of the record, or those of a held run on a CPU.

        Raises
        ------
        NoisegridError
            If the record is of a replicate that was not trained on a CPU.
        """
        if self.kind != RECORD:
            layout = {"memory_format": "contiguous_format"} if self.kind == FUNCTION else {}
            return noise.held_flags(Hardware.of(hardware_settings("cpu", "invariance"))) | layout
        found = record.read_record(Path(self.name).parent)
        if (device := found["settings"]["hardware"]["device"]) != "cpu":
            raise UsageError(
                f"{self.name} was trained on {device}, and invariance measures on a CPU; name a record of a CPU"
            )
        flags: noise.Flags = found["flags"]
        return flags

    def is_stored(self) -> bool:
        """Return whether no training is needed to have the weights."""
        return self.kind != RECORD or (Path(self.name).parent / "weights.npy").exists()


def subject_of(name: str, examples: int, datasets: Path) -> Subject:
    """Return the subject that a word of the command line names.

    Raises
    ------
    UsageError
        If it names none.
    """
    path = Path(name) / "record.json" if Path(name).is_dir() else Path(name)
    kinds = {
        RECORD: path.name == "record.json" and path.exists(),
        FUNCTION: FORM.fullmatch(name),
        TASK: name in catalog("tasks"),
        NETWORK: name in catalog("networks"),
    }
    kind = next((kind for kind, fits in kinds.items() if fits), None)
    if kind is None:
        known = [*catalog("networks"), *catalog("tasks")]
        raise UsageError(f"{unknown('network or task', name, known)}; or name a record.json or package.module:function")
    return Subject(kind, str(path) if kind == RECORD else name, examples, str(datasets))


def prepare(subject: Subject, flags: noise.Flags, path: Path) -> None:
    """Write the weights and the inputs, which all conditions share. Call this in a process of its own.

    Initial weights are drawn under the switches for initial weights. If a record has no weights, train it again.
    """
    state, inputs = (_from_record if subject.kind == RECORD else _from_seed)(subject, flags)
    torch.save({"state": state, "inputs": inputs}, path)


def load(subject: Subject, path: Path) -> tuple[nn.Module, Tensor]:
    """Return the network for evaluation, with the weights that were prepared, and its inputs."""
    found = torch.load(path, weights_only=True)
    network = _network(subject)[0]
    network.load_state_dict(found["state"])
    return network.eval(), found["inputs"]


def _from_seed(subject: Subject, flags: noise.Flags) -> tuple[dict[str, Any], Tensor]:
    noise.apply_flags(noise.init_flags())
    noise.seed_global(SEED)
    network, inputs = _network(subject)
    return network.state_dict(), inputs if inputs is not None else _test_images(subject, *_task(subject))


def _from_record(subject: Subject, flags: noise.Flags) -> tuple[dict[str, Any], Tensor]:
    path = Path(subject.name)
    old, run, data = recorded_run(path, Path(subject.datasets))
    _check_count(subject, data.count("test", run.task.context), f"the test set of {data.name}")
    if subject.is_stored():
        noise.apply_flags(flags)
        weights = Weights(np.array(record.read(path.parent, record.WEIGHTS).weights()), old["layout"])
    else:
        weights = train(run, data).final.weights
    if weights.hash != old["weight_hash"]:
        raise NoisegridError(
            f"{path}: training again gave other weights than the record's; noisegrid replay says what may be the reason"
        )
    network = build_network(run.task, data)
    load_weights(network, weights)
    return network.state_dict(), _test_images(subject, run, data)


def _network(subject: Subject) -> tuple[nn.Module, Tensor | None]:
    """Build the network; return it with its inputs unless they are images of a dataset."""
    if subject.kind == FUNCTION:
        return _of_user(subject)
    if subject.kind == NETWORK:
        entry = catalog("networks")[subject.name]
        size, inputs = entry.get("timed_at", PIXELS), INPUTS[inputs_of(subject.name)]
        network = build(entry["build"], **inputs.arguments(size, entry["options"]))
        return network, inputs.batch(subject.examples, size)[0]
    run, data = _task(subject)
    return build_network(run.task, data), None


def _task(subject: Subject) -> tuple[Run, Dataset]:
    """Return the run and the dataset of a task or a record."""
    if subject.kind == RECORD:
        _, run, data = recorded_run(Path(subject.name), Path(subject.datasets))
        return run, data
    recipe = task_settings(resolve_tasks({}, "catalog", subject.name), catalog("datasets"), subject.name, "invariance")
    hardware = hardware_settings("cpu", "invariance")
    settings = {"task": recipe, "hardware": hardware, "protocol": PROTOCOL}
    return Run(settings, {}, {}), open_prepared(Path(subject.datasets) / recipe["dataset"])


def _test_images(subject: Subject, run: Run, data: Dataset) -> Tensor:
    """Return the first test images, as an evaluation feeds them to the network."""
    _check_count(subject, data.count("test", run.task.context), f"the test set of {data.name}")
    batches = Batches(
        *(*data.part("test", run.task.context), data.form),
        *(run.task, torch.device("cpu"), torch.contiguous_format),
    )
    wanted = ceil(subject.examples / EVALUATION_BATCH)
    return torch.cat(list(islice(batches.evaluation(), wanted)))[: subject.examples]


def _of_user(subject: Subject) -> tuple[nn.Module, Tensor]:
    """Call the user's function, which returns a network, or a network and its inputs."""
    try:
        found = imported("network", subject.name)()
    except NoisegridError:
        raise
    except Exception as error:
        raise NoisegridError(f"{subject.name}: {type(error).__name__}: {first_line(error)}; correct it") from error
    network, inputs = found if isinstance(found, Sequence) and not isinstance(found, nn.Module) else (found, None)
    if not isinstance(network, nn.Module):
        raise NoisegridError(
            f"{subject.name} returned {type(network).__name__}; return a torch.nn.Module, or a pair of it and a tensor "
            "of inputs"
        )
    if not isinstance(inputs, Tensor | None):
        raise NoisegridError(f"{subject.name} returned inputs of type {type(inputs).__name__}; return a tensor")
    if inputs is None:
        inputs = images(subject.examples, SMALL_PIXELS)[0]
    _check_count(subject, len(inputs), subject.name)
    return network, inputs[: subject.examples].detach().clone()


def _check_count(subject: Subject, count: int, where: str) -> None:
    if count < subject.examples:
        raise NoisegridError(f"{where} has {count} examples, not {subject.examples}; pass --examples {count} or fewer")
