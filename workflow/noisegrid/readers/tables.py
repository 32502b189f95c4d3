"""Tables of numbers and categories, encoded for training."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from noisegrid.common.errors import NoisegridError

#: The category of all values that occur in the test rows, but not in the training rows.
OTHER = "other"


class Table(NamedTuple):
    """An encoded table.

    Attributes
    ----------
    train_inputs, test_inputs : float32 (rows, columns)
        The standardised numbers, and the codes of the categories.
    columns : dict of tuple of str
        For each column, in their order, the names of its categories in the order of their codes. An empty tuple is a
        column of numbers.
    """

    train_inputs: np.ndarray
    test_inputs: np.ndarray
    columns: dict[str, tuple[str, ...]]


def encoded(train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray]) -> Table:
    """Encode the columns of a table.

    A column of numbers is standardised: the mean of the training rows is subtracted, and the result is divided by their
    standard deviation, unless all training rows have the same value. A column of strings has categories, whose codes
    are those of the sorted strings of the training rows. Strings that only test rows have become one further category,
    `other`. No training row has it, so its embedding keeps its initial value.

    A missing string is an empty string, which is a category like any other. A missing number is refused: decide what
    it means, and replace it.

    Parameters
    ----------
    train, test : mapping of array (rows,)
        For each column, its name and its values, which are numbers or strings. The order of the columns is that of
        `train`.

    Raises
    ------
    NoisegridError
        If a column is missing, is neither numbers nor strings, or has another number of rows than the first one, or
        if a number is not finite.
    """
    if not train or not test:
        raise NoisegridError("the table has no columns; give at least one")
    for name in [*train, *test]:
        if name not in train or name not in test:
            without = "test" if name in train else "training"
            raise NoisegridError(f"column {name!r}: the {without} rows lack it; give both parts the same columns")
    parts = [_arrays(train, "training", train), _arrays(test, "test", train)]
    inputs = [np.empty((len(part[0]), len(part)), np.float32) for part in parts]
    columns: dict[str, tuple[str, ...]] = {}
    for index, (name, values) in enumerate(zip(train, zip(*parts, strict=True), strict=True)):
        codes, columns[name] = _encoded_column(name, *values)
        for array, code in zip(inputs, codes, strict=True):
            array[:, index] = code
    return Table(inputs[0], inputs[1], columns)


def _arrays(part: Mapping[str, np.ndarray], kind: str, names: Iterable[str]) -> list[np.ndarray]:
    """Return the columns of a part in the order of `names`. Raise NoisegridError if their lengths differ, or are 0."""
    columns = [np.asarray(part[name]) for name in names]
    for name, column in zip(names, columns, strict=True):
        if column.ndim != 1 or len(column) != len(columns[0]):
            raise NoisegridError(
                f"column {name!r}: the {kind} rows have the shape {list(column.shape)}, and those of the first column "
                f"{list(columns[0].shape)}; give one value per row"
            )
    if not len(columns[0]):
        raise NoisegridError(f"the table has no {kind} rows; give at least one")
    return columns


def _encoded_column(name: str, train: np.ndarray, test: np.ndarray) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Return the inputs of both parts, and the names of the categories."""
    if all(part.dtype.kind in "biuf" for part in (train, test)):
        return _standardised(name, train, test), ()
    return _coded(*(_strings(name, part) for part in (train, test)))


def _standardised(name: str, train: np.ndarray, test: np.ndarray) -> list[np.ndarray]:
    """Return two columns of numbers, of which the first has the mean 0 and the standard deviation 1 now."""
    for part, kind in ((train, "training"), (test, "test")):
        if wrong := np.count_nonzero(~np.isfinite(part)):
            raise NoisegridError(
                f"column {name!r}: {wrong:,} of {len(part):,} {kind} rows have no finite number; replace them, or "
                "leave the column out"
            )
    numbers = train.astype(np.float64)
    constant = numbers.min() == numbers.max()  # with rounding, its standard deviation may differ from 0
    mean, deviation = (numbers[0], 1.0) if constant else (numbers.mean(), numbers.std())
    return [(part.astype(np.float64) - mean) / deviation for part in (train, test)]


def _coded(train: list[str], test: list[str]) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Return the codes of two columns of strings, and the names of the categories."""
    names = sorted(set(train))
    codes = {name: code for code, name in enumerate(names)}
    if not codes.keys() >= set(test) and OTHER not in codes:
        codes[OTHER] = len(names)
        names.append(OTHER)
    unknown = codes.get(OTHER, -1)
    return [np.array([codes.get(text, unknown) for text in part]) for part in (train, test)], tuple(names)


def _strings(name: str, values: np.ndarray) -> list[str]:
    """Return the values of a column as a list of strings; raise NoisegridError if one is something else."""
    texts: list[str] = values.tolist()
    wrong = [value for value in texts if not isinstance(value, str)]
    if wrong:
        raise NoisegridError(
            f"column {name!r}: its values are neither all numbers nor all strings (one is {wrong[0]!r}); "
            "convert them (an empty string may stand for a missing one)"
        )
    return texts
