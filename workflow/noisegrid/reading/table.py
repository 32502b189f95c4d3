"""A table, which every file format is read into, and what is to be taken from it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

Array = np.ndarray
#: The name of a column of numbers that have no name.
UNNAMED = ""
#: The name of a constant that says under which condition the results hold, or how they came about.
CONDITION = "condition"


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
        The columns, all of the same length: numbers, booleans or texts. A number or boolean without a value is masked
        (`numpy.ma`), and a text without one is empty. NaN is a value: the result of a run that failed.
    constants : mapping of str to str
        What holds for all rows, such as the `run` (its name), its `seed`, or the task.
    rows : (rows,) or None
        The number of each row in the file, which begins with 1; None if the table has all rows of the file.
    """

    origin: str
    columns: Mapping[str, Array]
    constants: Mapping[str, str] = field(default_factory=dict)
    rows: Array | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the columns and of the constants."""
        yield from self.columns
        yield from (name for name in self.constants if name not in self.columns)

    def __getitem__(self, name: str) -> Array:
        """Return a column; a constant is a column with the same text in every row."""
        return self.columns[name] if name in self.columns else np.full(len(self), self.constants[name], object)

    def at(self, places: Array) -> "Table":
        """Return the table with some of its rows only."""
        rows = np.arange(1, len(self) + 1) if self.rows is None else self.rows
        columns = {name: cells[places] for name, cells in self.columns.items()}
        return replace(self, columns=columns, rows=rows[places])

    def number(self, place: int) -> int:
        """Return the number of a row in the file."""
        return place + 1 if self.rows is None else int(self.rows[place])


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
