"""Choose runs by what is known of them before they are read, and refuse a mixture of runs that cannot be compared."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from noisegrid.common.escape import terminal
from noisegrid.reading.naming import listed
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.selection import NothingSelected

#: What all runs of a side must have in common, as far as it is known: what was measured, and in what cell of a study.
KINDS = ("task", "filter", "part", "study", "hardware", "noise")

#: What names mean that are not those of any tool.
MEANINGS = {"part": "the parts of a run are its own folder (.) and those below it, each with event files"}


class Described(Protocol):
    """A dataclass of which names such as `task` have a value: a table, or a run that has not been read yet."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def constants(self) -> Mapping[str, str]:
        """The names and their values."""


D = TypeVar("D", bound=Described)


def select(found: Sequence[D], where: Sequence[tuple[str, str]]) -> list[D]:
    """Return the runs that have the wanted values. A name that no run has is not considered: it may name a column.

    Parameters
    ----------
    found : sequence
        The runs.
    where : sequence of (str, str)
        Names, and the values that runs must have.

    Raises
    ------
    NothingSelected
        If no run is left.
    """
    kept = list(found)
    for name, wanted in where:
        known = {each.constants[name] for each in kept if name in each.constants}
        if known:
            kept = [each for each in kept if each.constants.get(name) == wanted]
        if known and not kept:
            raise NothingSelected(name, wanted, known)
    return kept


def check_alike(found: Sequence[Described], names: Sequence[str], origin: str, also: str = "") -> None:
    """Check that all runs have the same value of each name, as far as it is known.

    Parameters
    ----------
    found : sequence
        The runs.
    names : sequence of str
        The names.
    origin : str
        The path of the file or folder with the runs, for the message.
    also : str
        What else can be done, for the end of the message.

    Raises
    ------
    CannotJudge
        If they differ. The message lists the values, and says how to choose the first of them.
    """
    values = {name: sorted({each.constants[name] for each in found if name in each.constants}) for name in names}
    several = [name for name in names if len(values[name]) > 1]
    if several:
        differing = " and ".join(f"in {name} ({listed(values[name])})" for name in several)
        first = [shlex.quote(f"{name}={found[0].constants.get(name, values[name][0])}") for name in several]
        choice = " ".join(f"--where {each}" for each in first)
        meaning = "".join(f"; {MEANINGS[name]}" for name in several if name in MEANINGS)
        raise CannotJudge(
            terminal(f"{origin} has runs that differ {differing}{meaning}; choose some of them, as in {choice}{also}")
        )
