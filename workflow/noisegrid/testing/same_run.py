"""The assertion that two runs are equal to the bit: records, traces, files of weights, or weights in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError, UsageError, first_line
from noisegrid.divergence import command, sentences
from noisegrid.records import record
from noisegrid.testing import plugin, values
from noisegrid.testing.values import Entry, entries


def assert_same_run(a: Any, b: Any) -> None:
    """Fail unless two runs are equal to the bit.

    Parameters
    ----------
    a, b : path or object
        Two replicates' folders or records, two traces of `noisegrid diverge`, or two sets of weights. Weights are files
        (.npz, .npy, .safetensors, and .pt, .pth, .ckpt or .bin of PyTorch), modules, state dicts, tensors or arrays. A
        file can be compared with weights in memory.

    Raises
    ------
    AssertionError
        If they differ. The message says first what differs, and how far it is apart.
    """
    __tracebackhide__ = True
    try:
        found = _difference(a, b)
    except NoisegridError as error:
        raise error.with_traceback(None) from None
    if found:
        raise AssertionError(found)


def _difference(a: Any, b: Any) -> str:
    """Return how two runs differ; an empty text if they do not."""
    __tracebackhide__ = True
    kinds = [_kind(one) for one in (a, b)]
    if kinds[0] != kinds[1]:
        raise UsageError(f"{_name(a)} is {kinds[0]}, and {_name(b)} is {kinds[1]}; compare two of one kind")
    return DIFFERENCES[kinds[0]](a, b)


def _name(one: Any) -> str:
    return str(one) if isinstance(one, str | Path) else f"a value of type {type(one).__name__}"


RECORD, TRACE, WEIGHTS = "a record", "a trace", "a set of weights"


def _kind(one: Any) -> str:
    """Return what is compared."""
    if not isinstance(one, str | Path) or Path(one).suffix in READERS:
        return WEIGHTS
    path = Path(one)
    if path.is_dir() and not (path / "record.json").exists():
        raise UsageError(f"{path} has no record.json; name the folder of a replicate, or a file")
    return RECORD if path.is_dir() or path.name == "record.json" else TRACE


def _of_traces(a: str, b: str) -> str:
    found, *traces = command.read_sides(Path(a), Path(b))
    return command.shown(found, *traces) if found.diverged else ""


def _of_records(a: str, b: str) -> str:
    folders = [path if path.is_dir() else path.parent for path in map(Path, (a, b))]
    replicates = [record.read(folder, left_out=record.WEIGHTS) for folder in folders]
    sides = [_entries(one, with_weights=all(each.has("weights") for each in replicates)) for one in replicates]
    found = _in_words(*sides)
    if not found:
        return ""
    words = [sentences.differences(_about(one), _about(other)) for one, other in (replicates, replicates[::-1])]
    against = f"; {words[0]} against {words[1]}" if words[0] != words[1] else ""
    sentence, *table = found.split("\n", 1)
    remedy = f"\n\n`noisegrid diverge {folders[0]} {folders[1]}` runs both again and names the first operation"
    return "\n".join([f"{sentence}{against}", *table]) + remedy


def _entries(one: record.Replicate, with_weights: bool) -> dict[str, Entry]:
    """Return the weights of a replicate by name, or their hash, and its predictions."""
    found: dict[str, Entry] = {"initial weights": one.record["initial_weight_hash"]}
    if with_weights:
        vector = one.weights()
        for tensor in one.record["layout"]:
            values_of = vector[tensor["start"] :][: int(np.prod(tensor["shape"]))].reshape(tensor["shape"])
            found |= entries({tensor["name"]: values_of}, str(one.folder))
    found["final weights"] = one.record["weight_hash"]
    with np.load(one.folder / "predictions.npz", allow_pickle=False) as stored:
        numbers = {f"predictions.{name}": stored[name] for name in stored.files if stored[name].dtype.kind != "U"}
    return found | entries(numbers, str(one.folder))


def _about(one: record.Replicate) -> dict[str, Any]:
    """Return what was run, under the names of a trace."""
    return {"switches": one.record["flags"]} | {key: one.record[key] for key in ("seeds", "device", "software")}


def _of_weights(a: Any, b: Any) -> str:
    __tracebackhide__ = True
    return _in_words(_weights(a), _weights(b))


def _in_words(a: dict[str, Entry], b: dict[str, Entry]) -> str:
    found = values.differences(a, b)
    if not found:
        return ""
    table = values.table(found)
    return values.sentence(found, len({**a, **b})) + (f"\n\n{table}" if table else "")


def _weights(one: Any) -> dict[str, Entry]:
    """Return weights by name; a file is read as data only."""
    __tracebackhide__ = True
    if not isinstance(one, str | Path):
        return entries(one, _name(one))
    path = Path(one)
    try:
        return entries(READERS[path.suffix](path), str(path))
    except NoisegridError:
        raise
    except ImportError as error:
        raise UsageError(f"{path} needs the package {error.name}; install it") from error
    except Exception as error:  # each library has its own
        raise UsageError(
            f"cannot read {path} ({first_line(error)}); name a file of tensors or arrays alone, without other objects"
        ) from error


def _torch(path: Path) -> Any:
    __tracebackhide__ = True
    plugin.skip_without_torch(f"assert_same_run on {path.name}")
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _safetensors(path: Path) -> Any:
    __tracebackhide__ = True
    plugin.skip_without_torch(f"assert_same_run on {path.name}")
    from safetensors.torch import load_file

    return load_file(path)


def _arrays(path: Path) -> Any:
    found = np.load(path, allow_pickle=False)
    if isinstance(found, np.ndarray):
        return found
    with found:
        return dict(found)


#: The reader of each kind of file with weights, by the end of its name.
READERS: dict[str, Callable[[Path], Any]] = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin"), _torch),
    **dict.fromkeys((".npz", ".npy"), _arrays),
    ".safetensors": _safetensors,
}
#: How two runs of each kind are compared.
DIFFERENCES: dict[str, Callable[[Any, Any], str]] = {RECORD: _of_records, TRACE: _of_traces, WEIGHTS: _of_weights}
