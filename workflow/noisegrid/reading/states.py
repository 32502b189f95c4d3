"""The state of each run, as trackers export it: the last value of a run that did not finish is no result."""

import shlex

from noisegrid.common.escape import terminal
from noisegrid.reading.cells import is_text
from noisegrid.reading.naming import listed, matching
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.selection import texts
from noisegrid.reading.table import Choice, Table

#: The columns with the state, of which a table may have both, and the words for runs that finished and for others.
COLUMNS = ("state", "status")
FINISHED = frozenset(("finished", "completed", "complete", "succeeded", "success", "done", "ok"))
UNFINISHED = frozenset(
    (
        *("crashed", "failed", "failure", "fail", "error", "killed", "aborted", "interrupted", "stopped", "timeout"),
        *("canceled", "cancelled", "preempted", "preempting", "pruned"),
        *("running", "pending", "queued", "scheduled"),
    )
)


def check_finished(table: Table, whole: Table, choice: Choice) -> None:
    """Raise CannotJudge if rows are of runs that did not finish, unless the rows are chosen by the state.

    Parameters
    ----------
    table : Table
        The chosen rows.
    whole : Table
        The table from which they are chosen, which may have runs that finished although the chosen ones did not.
    choice : Choice
        How they are chosen.
    """
    asked = {column for name, _ in choice.where for column in matching(name, whole)}
    for column in (name for name in table.columns if name.casefold() in COLUMNS and name not in asked):
        states = _states(table, column)
        unfinished = [state for state in states if state and state.casefold() not in FINISHED]
        if unfinished and not (FINISHED | UNFINISHED).isdisjoint(state.casefold() for state in states):
            are = "is of a run" if len(unfinished) == 1 else "are of runs"
            raise CannotJudge(
                f"{len(unfinished):,} of {len(table):,} rows from {terminal(table.origin)} {are} that did not finish "
                f"({terminal(column)} {listed(sorted(set(unfinished)))}); {_remedy(whole, column, unfinished)}"
            )


def _states(table: Table, column: str) -> list[str]:
    """Return the states in a column, which has none unless it has texts."""
    return texts(table[column]) if is_text(table[column]) else []


def _remedy(whole: Table, column: str, unfinished: list[str]) -> str:
    """Return how to choose the runs that finished, in the words of the table."""
    finished = next((state for state in _states(whole, column) if state.casefold() in FINISHED), None)
    choice = terminal(shlex.quote(f"{column}={finished or unfinished[0]}"))
    if finished is None:
        return f"give it the results of runs that finished, or choose them with --where {choice} if they did"
    return f"keep those that did with --where {choice}, and say so where you report the result"
