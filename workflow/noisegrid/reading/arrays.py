"""NumPy arrays: in .npy and .npz files, or in Python."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from noisegrid.common.errors import why
from noisegrid.common.escape import terminal
from noisegrid.common.files import npy_header
from noisegrid.reading import outputs
from noisegrid.reading.cells import are_zero_or_one, column_of
from noisegrid.reading.limits import FILE_BYTES, VALUES, check_count, check_file
from noisegrid.reading.naming import CORRECT, IDS, LABELS, OUTPUTS, PREDICTED, listed
from noisegrid.reading.runs import CannotJudge, seed_text
from noisegrid.reading.table import UNNAMED, Choice, Format, Table

Array = np.ndarray
#: The names of numbers that have no other name, of arrays with a row for each run, and of all arrays of test examples.
_NUMBERS, _BY_RUN = ("values", "results"), (*CORRECT, *PREDICTED)
_OF_EXAMPLES = (*_BY_RUN, *LABELS, *IDS)
#: What NumPy and zipfile raise about damaged files.
_DAMAGED = (
    *(ValueError, OSError, EOFError, KeyError, TypeError, NotImplementedError, RuntimeError, SyntaxError, MemoryError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def tables_of_array(array: Array, origin: str) -> list[Table]:
    """Return an array as tables.

    Parameters
    ----------
    array : (runs,) or (examples,) or (runs, examples)
        The results of runs, or whether each example is predicted correctly (booleans, or integers that are 0 or 1).
    origin : str
        Where it comes from, for messages.

    Raises
    ------
    CannotJudge
        If the array has another shape.
    """
    name = terminal(origin)
    if not array.size:
        raise CannotJudge(f"{name} is empty; did the run that wrote it fail?")
    correct = are_zero_or_one(array) and (array.dtype.kind != "f" or array.ndim == 2)
    if array.ndim == 1 and not correct:
        return [Table(origin, {UNNAMED: column_of(array)})]
    if array.ndim not in (1, 2) or not correct:
        raise CannotJudge(
            f"{name} has the shape {_shape(array)}; give it one number per run, or booleans (runs × examples) that "
            "say whether each example is predicted correctly"
        )
    return tables_of_arrays({CORRECT[0]: array.astype(bool)}, origin)


def tables_of_arrays(arrays: Mapping[str, Array], origin: str) -> list[Table]:
    """Return arrays with names as tables: one for each run if one of them is (runs, examples), otherwise one.

    Parameters
    ----------
    arrays : mapping of str to array
        The arrays. Those with one value per example or one value per run, and single values, are used. So are outputs
        for each class, if there are no predicted classes.
    origin : str
        Where they come from, for messages.

    Raises
    ------
    CannotJudge
        If the shapes of the arrays do not fit together.
    """
    arrays, said = outputs.with_predictions(arrays, origin)
    unnamed = [name for name in arrays if name in _NUMBERS]
    named = {UNNAMED if unnamed == [name] else name: array for name, array in arrays.items()}
    constants = {name: seed_text(array.item()) for name, array in named.items() if array.ndim == 0} | said
    matrices = [array for name, array in named.items() if name.casefold() in _BY_RUN and array.ndim == 2]
    if not matrices:
        return [Table(origin, _columns(named, _length(named, origin)), constants)]
    runs, examples = matrices[0].shape
    _check_shapes(named, runs, examples, origin)
    shared = _columns(named, examples)
    by_run = {name: array for name, array in named.items() if array.shape == (runs, examples)}
    of_runs = {name: array for name, array in named.items() if array.shape == (runs,) and name not in shared}
    return [
        Table(
            origin,
            shared | {name: column_of(array[run]) for name, array in by_run.items()},
            {"run": f"run {run + 1} of {origin}"}
            | constants
            | {name: seed_text(array[run].item()) for name, array in of_runs.items()},
        )
        for run in range(runs)
    ]


def _columns(arrays: Mapping[str, Array], length: int) -> dict[str, Array]:
    return {name: column_of(array) for name, array in arrays.items() if array.shape == (length,)}


def _length(arrays: Mapping[str, Array], origin: str) -> int:
    """Return the number of rows of arrays without runs; those of the usual columns of examples must have all of it."""
    of_examples = {name: array for name, array in arrays.items() if name.casefold() in _OF_EXAMPLES}
    used = of_examples if _have_answers(arrays) else {name: array for name, array in arrays.items() if array.ndim}
    shapes = {array.shape for array in used.values()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 1 or not shape[0]:
        raise CannotJudge(
            f"{terminal(origin)} has no arrays of the same length: {_shapes(used or arrays)}; give it one value per "
            "run, or `predicted` (runs × examples) with `label`, or `correct`"
        )
    return shape[0]


def _have_answers(names: Iterable[str]) -> bool:
    """Return whether arrays with these names say what was predicted. Arrays of other shapes are not used then."""
    return any(name.casefold() in _BY_RUN for name in names)


def _check_shapes(arrays: Mapping[str, Array], runs: int, examples: int, origin: str) -> None:
    """Raise CannotJudge if arrays do not have one row per run and one column per example."""
    of_examples = {name: array for name, array in arrays.items() if name.casefold() in _OF_EXAMPLES}
    fitting = ((examples,), (runs, examples))
    if runs > examples or not all(array.shape in fitting for array in of_examples.values()):
        raise CannotJudge(
            f"the arrays of {terminal(origin)} do not fit together: {_shapes(of_examples)}; give it predicted classes "
            "(runs × examples), with one label per example"
        )


def _shapes(arrays: Mapping[str, Array]) -> str:
    return listed(f"{name or 'results'} {_shape(array)}" for name, array in arrays.items())


def _shape(array: Array) -> str:
    return " × ".join(map(str, array.shape)) or "()"


def _read_npy(path: Path) -> list[Table]:
    with path.open("rb") as file:
        array = _read_array(file, str(path), path.stat().st_size)
    return tables_of_array(array, str(path))


def _read_npz(path: Path) -> list[Table]:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        check_count(str(path), "bytes when unpacked", sum(entry.file_size for entry in entries.values()), FILE_BYTES)
        values = sum(_count(archive, entry) for entry in entries.values())
        check_count(str(path), "values", values, VALUES)
        arrays = {}
        of_examples = (*_OF_EXAMPLES, *(OUTPUTS if outputs.are_used(entries) else ()))
        have_answers = _have_answers(entries) or any(name.casefold() in OUTPUTS for name in entries)
        for name, entry in entries.items():
            with archive.open(entry) as file:
                shape, dtype = npy_header(file)
            if name.casefold() in of_examples or not (dtype.hasobject or (have_answers and len(shape) > 1)):
                with archive.open(entry) as file:
                    arrays[name] = _read_array(file, f"{name} in {path}", entry.file_size)
    return tables_of_arrays(arrays, str(path))


def _count(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Return the number of values that the header of an array promises."""
    with archive.open(entry) as file:
        shape, _ = npy_header(file)
    return abs(math.prod(shape))


def _read_array(file: IO[bytes], name: str, size: int) -> Array:
    """Read an array of at most `size` bytes; one of Python objects is refused, because opening it may run code."""
    shape, dtype = npy_header(file)
    if dtype.hasobject:
        raise CannotJudge(
            f"{terminal(name)} has Python objects, which may run code when they are opened; save numbers, booleans or "
            "texts"
        )
    check_count(name, "values", math.prod(shape), VALUES)
    if not dtype.itemsize:  # a small file may promise any number of them
        raise ValueError("its values have no bytes")
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError("the file is cut off")
    file.seek(0)
    array: Array = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _read(path: Path, _: Choice) -> list[Table]:
    check_file(path)
    try:
        return _read_npy(path) if path.suffix.lower() == ".npy" else _read_npz(path)
    except _DAMAGED as error:
        raise CannotJudge(f"{terminal(str(path))} is damaged or no array ({terminal(why(error))})") from error


FORMAT = Format("NumPy", lambda path: path.suffix.lower() in (".npy", ".npz") and not path.is_dir(), _read)
