"""How messages name runs: with their seeds, and only the first ones of many."""

from collections.abc import Sequence

from noisegrid.common.escape import terminal
from noisegrid.reading.runs import Runs

#: The largest number of groups that are named, and of runs of a group.
GROUPS, RUNS = 3, 4


def name(runs: Runs, place: int) -> str:
    """Return the name of a run with its seed, if it is known, such as `row 1 (seed 3)`."""
    known = terminal(runs.names[place])
    return f"{known} (seed {terminal(runs.seeds[place])})" if runs.seeds else known


def several(texts: Sequence[str], most: int = GROUPS, sign: str = ", ") -> str:
    """Return texts with a sign between them; of many, only the first ones."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{sign.join(texts[:most])}{more}"
