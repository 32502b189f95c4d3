"""Looks at results in a loop or in CI: a file counts them, so that all looks together err no more often than one would.

The file, a ledger, is a JSON document:

    {"format": 1, "confidence": 0.95, "looks": null, "spent": [{"look": 1, "level": 0.975, "data": "<SHA-256>",
      "verdict": "undecided", "time": "2026-01-31T12:00:00+00:00"}]}

`looks` is the planned number of looks, or null if it is unknown. The verdict of a look is null until it is known. If
the process is killed before, the look is spent all the same.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError, why
from noisegrid.common.escape import terminal
from noisegrid.common.files import write_text
from noisegrid.common.locks import one_writer
from noisegrid.common.versions import LEDGER, check_version
from noisegrid.gating.sentences import percent
from noisegrid.reading.runs import CannotJudge, Runs
from noisegrid.stats.comparison import BETTER, EQUIVALENT, UNDECIDED, WORSE
from noisegrid.stats.sequential import level_at_look

#: The largest file, in bytes, that is read; this is enough for about 60,000 looks.
LARGEST = 16 * 2**20
#: The largest difference between two levels that are equal.
ROUNDING = 1e-12
#: The keys of a look.
ENTRY = {"look", "level", "data", "verdict", "time"}


@dataclass(frozen=True)
class Look:
    """A look at results.

    Attributes
    ----------
    number : int
        The number of the look; the first is 1.
    level : float
        Its confidence.
    data : str
        The digest of what is looked at.
    again : bool
        Whether the same results had this look before. It then spends nothing.
    """

    number: int
    level: float
    data: str
    again: bool = False


@dataclass(frozen=True)
class Ledger:
    """A file that counts looks. Several processes may use it at the same time.

    Attributes
    ----------
    path : Path
        The file. It is begun at the first look.
    looks : int or None
        The planned number of looks; None if it is unknown.

    Raises
    ------
    NoisegridError
        If the number of looks is not possible.
    """

    path: Path
    looks: int | None = None

    def __post_init__(self) -> None:
        """Check the number of looks."""
        if self.looks is not None and self.looks < 1:
            raise NoisegridError(f"looks is {self.looks}; it is the planned number of looks, at least 1")

    def reserve(self, data: str, confidence: float) -> Look:
        """Spend a look, unless the same results had one before.

        Call this before the verdict is computed. Otherwise, a process that is killed would look without spending.

        Parameters
        ----------
        data : str
            What is looked at (see `digest`).
        confidence : float
            The confidence of all looks together.

        Raises
        ------
        CannotJudge
            If all planned looks are spent, if the ledger is about another confidence or another number of looks, or if
            it is damaged.
        """
        with one_writer(self._file):
            spent = self._read(confidence)
            for entry in spent:
                if entry["data"] == data:
                    return Look(entry["look"], entry["level"], data, again=True)
            if len(spent) == self.looks:
                raise CannotJudge(
                    f"all {self.looks} planned looks of {self} are spent, so the last verdict stands; further looks "
                    "need a new file and new runs of both sides"
                )
            look = Look(len(spent) + 1, level_at_look(len(spent) + 1, confidence, self.looks), data)
            self._write(confidence, [*spent, _entry(look)])
            return look

    def record(self, look: Look, confidence: float, verdict: str) -> None:
        """Write the verdict of a look into the ledger.

        Raises
        ------
        CannotJudge
            If the ledger has been replaced since the look was reserved.
        """
        with one_writer(self._file):
            spent = self._read(confidence)
            if len(spent) < look.number or spent[look.number - 1]["data"] != look.data:
                raise CannotJudge(f"{self} was replaced while look {look.number} was judged; judge again")
            spent[look.number - 1]["verdict"] = verdict
            self._write(confidence, spent)

    def note(self, look: Look, level: float) -> str:
        """Return which look it is, given the confidence of its verdict, for a reader of the verdict."""
        if look.again:
            return f"look {look.number} of {self} again, at {percent(level)}; the same results spend nothing"
        return f"look {look.number} of {self}, at {percent(level)}"

    def __str__(self) -> str:
        """Return the path for a message."""
        return terminal(str(self.path))

    @property
    def _file(self) -> Path:
        """The file itself, if the path is a link to it: the lock and the replacement must not be those of the link."""
        return self.path.resolve()

    def _write(self, confidence: float, spent: list[dict[str, Any]]) -> None:
        document = {"format": LEDGER, "confidence": confidence, "looks": self.looks, "spent": spent}
        write_text(self._file, f"{json.dumps(document, indent=1)}\n")

    def _read(self, confidence: float) -> list[dict[str, Any]]:
        """Return the spent looks. Raise CannotJudge if the ledger is about something else, or damaged."""
        if not self._file.exists():
            return []
        try:
            if not self._file.is_file() or self._file.stat().st_size > LARGEST:
                raise self._damaged("it is not a file of a plausible size")
            document = json.loads(self._file.read_bytes())
        except OSError as error:
            raise CannotJudge(f"cannot read {self}: {why(error)}; check the path and its permissions") from error
        except (ValueError, RecursionError) as error:
            raise self._damaged("it is not valid JSON") from error
        if not isinstance(document, dict):
            raise self._damaged("it is not an object of JSON")
        if isinstance(document.get("format"), int):
            check_version(document["format"], LEDGER, f"the ledger {self}")
        if document.keys() != {"format", "confidence", "looks", "spent"} or not isinstance(document["spent"], list):
            raise self._damaged("its keys are not format, confidence, looks and spent")
        self._check_plan(document["confidence"], document["looks"], confidence)
        self._check_spent(document["spent"], confidence)
        spent: list[dict[str, Any]] = document["spent"]
        return spent

    def _check_plan(self, confidence: object, looks: object, asked: float) -> None:
        """Raise CannotJudge if the ledger is about another confidence, or another number of looks."""
        if not isinstance(confidence, float) or not (looks is None or isinstance(looks, int)):
            raise self._damaged("its confidence or its number of looks is not a number")
        if confidence != asked:
            raise CannotJudge(
                f"{self} was begun at a confidence of {percent(confidence)}, not of {percent(asked)}; use the same "
                "confidence at every look, or begin a new file"
            )
        if looks != self.looks:
            begun, now = (f"{n} planned looks" if n else "an unknown number of looks" for n in (looks, self.looks))
            raise CannotJudge(
                f"{self} was begun for {begun}, not for {now}; give the same --looks at every look, or begin a new file"
            )

    def _check_spent(self, spent: list[Any], confidence: float) -> None:
        """Raise CannotJudge if an entry is not one that `reserve` wrote at its place."""
        if self.looks is not None and len(spent) > self.looks:
            raise self._damaged("it has more looks than were planned")
        for number, entry in enumerate(spent, 1):
            level = level_at_look(number, confidence, self.looks)
            if not _is_entry(entry) or entry["look"] != number or abs(entry["level"] - level) > ROUNDING:
                raise self._damaged(f"its entry {number} is not that of look {number} at {percent(level)}")
        if len({entry["data"] for entry in spent}) < len(spent):
            raise self._damaged("two of its looks are at the same results")

    def _damaged(self, what: str) -> CannotJudge:
        return CannotJudge(
            f"{self} is not a ledger as noisegrid wrote it, because {what}; restore it, or begin a new file, which "
            "counts only the looks from now on"
        )


def _entry(look: Look) -> dict[str, Any]:
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return {"look": look.number, "level": look.level, "data": look.data, "verdict": None, "time": time}


def _is_entry(entry: Any) -> bool:
    """Return whether a value of JSON has the form of an entry."""
    return (
        isinstance(entry, dict)
        and entry.keys() == ENTRY
        and isinstance(entry["level"], float)
        and all(isinstance(entry[key], str) for key in ("data", "time"))
        and re.fullmatch("[0-9a-f]{64}", entry["data"]) is not None
        and entry["verdict"] in (None, BETTER, WORSE, EQUIVALENT, UNDECIDED)
    )


def digest(base: Runs, new: Runs, paired: bool, question: object) -> str:
    """Return the SHA-256 of everything that a verdict depends on.

    Two looks with the same digest have the same verdict, so that the second one adds no error. The order of the runs
    and their names do not matter.

    Parameters
    ----------
    base, new : Runs
        Both sides, with their examples in the same order and, if paired, their runs too.
    paired : bool
        Whether runs at the same place are a pair.
    question : object
        What is asked; its `repr` must be complete.
    """
    sides = [[_digest_of_run(side, place) for place in range(len(side))] for side in (base, new)]
    if paired:
        units = sorted(f"{first} {second}" for first, second in zip(*sides, strict=True))
    else:
        units = [*sorted(sides[0]), "", *sorted(sides[1])]
    return hashlib.sha256("\n".join([repr(question), str(paired), *units]).encode()).hexdigest()


def _digest_of_run(runs: Runs, place: int) -> str:
    found = hashlib.sha256(np.float64(runs.values[place]).tobytes())
    if runs.examples is not None:
        found.update(np.asarray(runs.examples.scores[place], dtype=float).tobytes())
    return found.hexdigest()
