"""Runs of one side of a comparison: one result per run and, where they are known, the scores of each test example."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from noisegrid.common.errors import NoisegridError

Array = np.ndarray
#: The metric of numbers without a name.
UNNAMED_METRIC = "result"


class CannotJudge(NoisegridError):
    """Runs from which no verdict can be drawn; the message says which and why, and the remedy."""

    exit_code = 6


class Read(NamedTuple):
    """What was read from one file.

    Attributes
    ----------
    file : str
        The path of the file, "the standard input", or a description of a value in Python.
    what : str
        What the results are, such as "column 'metrics.accuracy'" or "scores of 597 examples".
    rows, runs : int
        The number of rows or values that were read, and of the runs in them.
    """

    file: str
    what: str
    rows: int
    runs: int


@dataclass(frozen=True)
class Examples:
    """The scores of each test example.

    Attributes
    ----------
    scores : (runs, examples)
        The scores: booleans where they say whether a prediction is correct, otherwise numbers.
    ids : (examples,) or None
        The ids of the examples, without duplicates; None if examples are known by their place alone.
    predicted : (runs, examples) or None
        The predicted classes as indices of `classes`.
    labels : (examples,) or None
        The true classes as indices of `classes`.
    classes : tuple of str
        The names of the classes.
    """

    scores: Array
    ids: Array | None = None
    predicted: Array | None = None
    labels: Array | None = None
    classes: tuple[str, ...] = ()

    @property
    def numbers(self) -> Array:
        """Return the scores as numbers, because booleans cannot be subtracted."""
        return self.scores.astype(np.int8) if self.scores.dtype == bool else self.scores

    @property
    def span(self) -> float:
        """Return the largest possible difference between two scores; 0 if it is unknown."""
        return 1.0 if self.scores.dtype == bool else 0.0

    @property
    def scale(self) -> float:
        """Return the factor from scores to results: correct predictions are counted in percent."""
        return 100.0 if self.scores.dtype == bool else 1.0


@dataclass(frozen=True)
class Runs:
    """The runs of one side.

    Attributes
    ----------
    values : (runs,)
        The result of each run.
    metric : str
        The name of the metric.
    names : tuple of str
        The name of each run, for messages: a file, a row, or the name that the tracker gave it.
    seeds : tuple of str or None
        The seed of each run, as text; None if they are unknown.
    examples : Examples or None
        The scores of each test example, of which `values` are the means times `Examples.scale`.
    read : tuple of Read
        What was read.
    label : str
        What the side is, such as the name of its file, or its value in the column of the groups; it may be empty.
    grouped : bool
        Whether the runs have another value in a column than those of the other side, so that no run is on both.
    """

    values: Array
    metric: str
    names: tuple[str, ...]
    seeds: tuple[str, ...] | None = None
    examples: Examples | None = None
    read: tuple[Read, ...] = ()
    label: str = ""
    grouped: bool = False

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.values)

    @property
    def unit(self) -> str:
        """Return the unit of the differences, with a space before it: percentage points for correct predictions."""
        return " percentage points" if self.examples is not None and self.examples.scale == 100 else ""


def seed_text(seed: Hashable) -> str:
    """Return a seed as text, so that 3, 3.0 and "3" are the same seed."""
    if isinstance(seed, float | np.floating) and float(seed).is_integer():
        seed = int(seed)
    return str(seed).strip()
