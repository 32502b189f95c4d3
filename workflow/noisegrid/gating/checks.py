"""Refuse runs that cannot be judged, each with one sentence: what is wrong, in which run, and the remedy."""

import hashlib
from collections.abc import Hashable, Iterable

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.gating.metric import is_share, lower_is_better
from noisegrid.gating.rounding import may_tie
from noisegrid.gating.sentences import counted
from noisegrid.reading.runs import CannotJudge, Runs

Array = np.ndarray
#: The fewest runs of a side that can be judged.
FEWEST = 3
#: Results of this size and beyond are refused, because their squares are not numbers.
LARGEST = 1e100


def check(runs: Runs, side: str, allow_identical: bool = False, unpaired: bool = False) -> None:
    """Check the runs of one side.

    Parameters
    ----------
    runs : Runs
        The runs.
    side : str
        What the side is called, such as "base".
    allow_identical : bool
        Whether two runs may be identical.
    unpaired : bool
        Whether to ignore the seeds.

    Raises
    ------
    CannotJudge
        If there are fewer than three runs, if a result is not finite, if two runs have the same seed, or if two runs
        are identical.
    """
    check_numbers(
        runs, side, "the runs that failed, on both sides alike", f"a verdict needs at least {FEWEST} of each side"
    )
    for first, second, *_ in groups_of_equals(() if unpaired else runs.seeds or ()):
        raise CannotJudge(
            f"{side}: {terminal(runs.names[first])} and {terminal(runs.names[second])} have the same seed, "
            f"{terminal((runs.seeds or ())[first])}; keep one of them, name the column of the seeds with --seed, or "
            "add --unpaired if this is no seed"
        )
    if not allow_identical:
        _check_different(runs, side)


def check_numbers(runs: Runs, side: str, leave_out: str, need: str) -> None:
    """Check that there are at least three runs, and that all their results are finite.

    Parameters
    ----------
    runs : Runs
        The runs.
    side : str
        What they are called.
    leave_out : str
        What to leave out if a result is not finite.
    need : str
        How many runs are needed for what.

    Raises
    ------
    CannotJudge
        If they are not.
    """
    usable = np.abs(runs.values) < LARGEST  # neither is NaN
    if bad := [(name, value) for name, value, good in zip(runs.names, runs.values, usable, strict=True) if not good]:
        name, value = bad[0]
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise CannotJudge(
            f"{side}: the {terminal(runs.metric)} of {terminal(name)}{more} is {value:g}; leave out {leave_out}, "
            "and say so where you report the result"
        )
    if len(runs) < FEWEST:
        raise CannotJudge(
            f"{side} has {counted(len(runs), 'run')}, and {need}; add {FEWEST - len(runs)} with other seeds"
        )


def _check_different(runs: Runs, side: str) -> None:
    """Raise CannotJudge if two runs are the same run twice, or differ in nothing but a seed that does nothing."""
    remedy = (
        "remove one of them if it is the same run twice; if their seeds differ, the seed may do nothing (see "
        "`noisegrid floor`); to judge them anyway, add --allow-identical"
    )
    for first, second, *_ in groups_of_identical(runs):
        what = (
            "the same result for every example"
            if runs.examples
            else f"the same {terminal(runs.metric)} to the last bit"
        )
        raise CannotJudge(
            f"{side}: {terminal(runs.names[first])} and {terminal(runs.names[second])} have {what}; {remedy}"
        )
    if runs.examples is None and np.ptp(runs.values) == 0:
        raise CannotJudge(f"{side}: all {len(runs)} runs have the same {terminal(runs.metric)}; {remedy}")


def groups_of_identical(runs: Runs) -> list[tuple[int, ...]]:
    """Return the indices of each group of identical runs, in the order of their first runs.

    Without results of each example, runs are identical if they have the same number, and if this number is neither
    rounded nor the accuracy on a small test set, which different runs may share.
    """
    groups = groups_of_equals(results(runs))
    share = is_share(runs.metric)
    return [group for group in groups if runs.examples or not may_tie(float(runs.values[group[0]]), share)]


def results(runs: Runs) -> list[Hashable]:
    """Return a value for each run, which identical runs share: a digest of the examples' results, or the number."""
    if runs.examples is None:
        return [*map(float, runs.values)]
    rows = runs.examples.scores if runs.examples.predicted is None else runs.examples.predicted
    return [hashlib.sha256(row.tobytes()).digest() for row in rows]


def groups_of_equals(values: Iterable[Hashable]) -> list[tuple[int, ...]]:
    """Return the indices of each group of equal values, in the order of their first values."""
    places = dict[Hashable, list[int]]()
    for index, value in enumerate(values):
        places.setdefault(value, []).append(index)
    return [tuple(group) for group in places.values() if len(group) > 1]


def check_both(base: Runs, new: Runs, allow_identical: bool = False) -> None:
    """Check that two sides can be compared.

    Raises
    ------
    CannotJudge
        If all runs of one are among those of the other, or if some results are fractions and others percentages.
    """
    if not (base.grouped and new.grouped):
        _check_apart(base, new)
    same = len(base) == len(new) and np.array_equal(np.sort(base.values), np.sort(new.values))
    if same and not allow_identical:
        raise CannotJudge("base and new have exactly the same results; name the files of both sides")
    _check_units(base, new)


def _check_apart(base: Runs, new: Runs) -> None:
    """Raise CannotJudge if a run is on both sides, as far as its name and its result tell."""
    files = [{read.file for read in runs.read} for runs in (base, new)]
    if files[0] and files[0] == files[1] and np.array_equal(base.values, new.values):
        raise CannotJudge(f"base and new are the same files ({terminal(min(files[0]))}); name the files of both sides")
    runs = [set(zip(side.names, side.values.tolist(), strict=True)) for side in (base, new)]
    if files[0] & files[1] and (both := runs[0] & runs[1]):
        raise CannotJudge(
            f"{len(both)} of the runs are on both sides, among them {terminal(min(both)[0])}; a run belongs to one side"
        )
    if runs[0] <= runs[1] or runs[1] <= runs[0]:
        side, other = ("base", "new") if runs[0] <= runs[1] else ("new", "base")
        raise CannotJudge(f"all runs of {side} are among those of {other}, too; name the files of both sides")


def _check_units(base: Runs, new: Runs) -> None:
    """Raise CannotJudge if some results are fractions and others are percentages, such as 0.93 beside 93."""
    sides = [(name, run, value) for side, name in ((base, "base"), (new, "new"))
             for run, value in zip(side.names, side.values, strict=True)]  # fmt: skip
    if not _mixed(base, new):
        return
    (side, run, low), (other, another, high) = (
        next(entry for entry in sides if (entry[2] <= 1) == fraction) for fraction in (True, False)
    )
    raise CannotJudge(
        f"the units are mixed: {terminal(run)} of {side} has {low:g} and {terminal(another)} of {other} has {high:g}; "
        "give all results as fractions, or all as percentages"
    )


def _mixed(base: Runs, new: Runs) -> bool:
    """Return whether some results are fractions and others are percentages.

    For a share, such as an accuracy, they are if all results of one side are at most 1, and those of the other are not.
    Within a side, small percentages may be those of runs that failed, unless they would be as large as the others as
    fractions. This also holds for other metrics of which a higher value is better.
    """
    values = np.concatenate([base.values, new.values])
    if values.min() < 0 or values.max() > 100 or lower_is_better(base.metric):
        return False
    if is_share(base.metric) and (base.values.max() <= 1) != (new.values.max() <= 1):
        return True
    small, large = values[(values > 0) & (values < 1)], values[values > 1]
    return bool(len(small) and len(large) and large.min() >= 10 and 100 * small.max() >= 0.3 * large.min())
