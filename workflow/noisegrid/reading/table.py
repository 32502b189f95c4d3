"""A table, which every file format is read into, and what is to be taken from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Choice:
    """What is to be read.

    Attributes
    ----------
    metric : str or None
        The name of the metric: a column, a tag, or the last part of its name. None if there is only one.
    seed : str or None
        The column that has the seed of each run; None for a column with a usual name, if there is one.
    where : tuple of (str, str)
        Columns and the values that rows must have in them.
    """

    metric: str | None = None
    seed: str | None = None
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Table:
    """A table of runs, of the history of one run, or of the test examples of one or several runs.

    Attributes
    ----------
    origin : str
        The path of the file, for messages.
    columns : mapping of str to array
        The columns, all of the same length: numbers, booleans or texts.
    constants : mapping of str to str
        What holds for all rows, such as the name of the run, its seed, or the task.
    """

    origin: str
    columns: Mapping[str, Array]
    constants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    name : str
        The name, for messages.
    recognizes : callable
        Whether a path, which may be a folder, has this format. It looks at the name and at most at the first bytes.
    read : callable
        Reads a path into tables. It raises CannotJudge if the file is damaged.
    extra : str
        The extra with which noisegrid must be installed for this format; empty for the base installation.
    """

    name: str
    recognizes: Callable[[Path], bool]
    read: Callable[[Path, Choice], list[Table]]
    extra: str = ""
