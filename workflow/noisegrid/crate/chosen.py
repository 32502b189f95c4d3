"""Which replicates of a crate to train again: some at random, those that the user names, and those worth naming."""

import csv
import random
import re
from collections.abc import Sequence
from pathlib import Path

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.crate.crate import Crate
from noisegrid.crate.printing import say

#: The note of metrics.csv on a replicate that differs much from the others of its cell.
APART = re.compile(r"replicate (\d{1,6}) lies apart from all others")
#: The most replicates that are suggested.
SUGGESTED = 5


def records(crate: Crate) -> dict[str, Path]:
    """Return the record.json of each replicate of a crate, by the name hardware/task/noise/number."""
    folder = crate.results / "replicates"
    return {str(path.parent.relative_to(folder)): path for path in sorted(folder.glob("*/*/*/*/record.json"))}


def check_names(crate: Crate, wanted: Sequence[int | str]) -> None:
    """Raise NoisegridError if the user names a replicate that the crate does not have."""
    known = records(crate)
    for name in wanted:
        if isinstance(name, str) and name not in known:
            near = [each for each in known if each.rpartition("/")[0] == name.rpartition("/")[0]]
            raise NoisegridError(f"{crate.path.name}: --rerun: {unknown('replicate', name, near or known)}")


def choose(crate: Crate, wanted: Sequence[int | str], choice: int | None) -> dict[str, Path]:
    """Choose the replicates to train again, and print how many they are, and what a random choice is worth.

    Parameters
    ----------
    crate : Crate
        The crate.
    wanted : sequence of (int or str)
        How many to choose at random, and the names of others.
    choice : int or None
        The seed for choosing. If `None`, a random seed is used.

    Returns
    -------
    dict of str to Path
        The name of each replicate -> its record.json.
    """
    known = records(crate)
    named = dict.fromkeys(name for name in wanted if isinstance(name, str))
    others = [name for name in known if name not in named]
    count = min(sum(number for number in wanted if isinstance(number, int)), len(others))
    choice = random.randrange(10**6) if choice is None else choice
    drawn = random.Random(choice).sample(others, count)
    again = f" (to choose the same again: --choice {choice})" if count else ""
    say(f"rerun           {len(named) + count} of {len(known)} replicates{again}")
    if count:
        say(
            f"  if the author had forged one replicate, {count} of {len(others)} at random would include it with a "
            f"probability of {100 * count / len(others):.3g} %"
        )
    return {name: known[name] for name in (*named, *drawn)}


def suggest(crate: Crate) -> None:
    """Add a note that names the replicates which lie apart from the others of their cell, by the notes of metrics.csv.

    Such a replicate decides more of the numbers of its cell than any other.
    """
    path, known = Path(crate.paths.metrics), records(crate)
    if not path.is_file():
        return
    found = dict[str, None]()
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if match := APART.search(row.get("note") or ""):
                name = "/".join([*(str(row.get(key)) for key in ("hardware", "task", "noise")), match[1]])
                found |= {name: None} if name in known else {}
    if found:
        names = list(found)[:SUGGESTED]
        more = f", and {len(found) - SUGGESTED} more" if len(found) > SUGGESTED else ""
        verb = "lies" if len(found) == 1 else "lie"
        crate.note(
            f"{', '.join(names)}{more} {verb} apart from the other replicates of the cell, and most worth training "
            f"again: --rerun {names[0]}"
        )
