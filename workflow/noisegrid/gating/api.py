"""The functions that `noisegrid` exports for use in Python."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from noisegrid.common.errors import UsageError
from noisegrid.gating.floor import Floor, floor_of
from noisegrid.gating.gate import Gate, judge
from noisegrid.gating.question import Question
from noisegrid.gating.spending import Ledger
from noisegrid.reading.sides import from_values
from noisegrid.reading.table import Choice


def gate(
    base: Any,
    new: Any = None,
    *,
    group: str | None = None,
    a: object = None,
    b: object = None,
    metric: str | None = None,
    seed: str | None = None,
    where: Mapping[str, object] | None = None,
    confidence: float = 0.95,
    at_least: float = 0.0,
    within: float | None = None,
    points: bool = False,
    lower_is_better: bool | None = None,
    unpaired: bool = False,
    tried: int = 1,
    allow_identical: bool = False,
    spend: str | Path | None = None,
    looks: int | None = None,
) -> Gate:
    """Judge whether new runs are better than base runs, or whether the difference may be noise.

    Parameters
    ----------
    base, new : array, data frame, mapping, path or list of paths
        Both sides. An array has one result per run; a boolean array (runs, examples) says which predictions are
        correct. A data frame, of pandas or Polars, has one row per run. A mapping has `predicted` (runs, examples) and
        `label` (examples,). Paths of files and folders are read as by `noisegrid gate`.
    group : str, optional
        The column that tells base and new runs apart, if `base` has both and `new` is None.
    a, b : optional
        The values of this column for the base and for the new runs.
    metric : str, optional
        The name of the metric, which may say that a lower value is better, or of its column.
    seed : str, optional
        The column that has the seeds. Runs with the same seed are paired.
    where : mapping, optional
        Columns and the values that rows must have in them.
    confidence : float
        The confidence of the verdict and of all intervals.
    at_least : float
        The smallest gain that matters, in the unit of the metric.
    within : float, optional
        The largest difference that does not matter, in the unit of the metric. At 0, nothing is called equivalent. By
        default, it is `at_least`.
    points : bool
        Whether `at_least` and `within` are percentage points, also if the results are fractions.
    lower_is_better : bool, optional
        Whether a lower value is better. By default, the name of the metric says it.
    unpaired : bool
        Whether to ignore which runs have the same seed.
    tried : int
        The number of variants that were tried, of which the new runs are the best one.
    allow_identical : bool
        Whether to judge runs although two of them are identical.
    spend : path, optional
        The file that counts the looks, if the question is asked again and again.
    looks : int, optional
        With `spend`, the planned number of looks.

    Returns
    -------
    Gate
        The verdict. `print` shows it as one sentence.

    Raises
    ------
    CannotJudge
        If the runs cannot be judged. The message says why, and the remedy.

    Examples
    --------
    >>> from noisegrid import gate
    >>> base = [93.1, 93.4, 92.9, 93.2, 93.0]
    >>> result = gate(base, [93.9, 94.1, 93.8, 94.3, 93.7], metric="accuracy")
    >>> result.verdict, result.needed
    ('better', 0)
    >>> gate(base, [93.3, 93.0, 93.5, 93.2, 93.6], metric="accuracy").verdict
    'undecided'
    """
    if (group is None) == (new is None):
        raise UsageError("give base and new, or one value with both and the name of the column that tells them apart")
    if looks is not None and spend is None:
        raise UsageError("looks is the planned number of looks that spend counts; give spend, the path of a file")
    question = Question(confidence, at_least, within, points, lower_is_better, unpaired, tried, allow_identical)
    ledger = Ledger(Path(spend), looks) if spend is not None else None
    if group is None:
        choice = _choice(metric, seed, where)
        return judge(from_values(base, choice, "base"), from_values(new, choice, "new"), question, ledger)
    first, second = (
        replace(
            from_values(base, _choice(metric, seed, {**(where or {}), group: value}), "runs"),
            label=str(value),
            grouped=a != b,
        )
        for value in (a, b)
    )
    return judge(first, second, question, ledger)


def floor(
    runs: Any,
    *,
    metric: str | None = None,
    seed: str | None = None,
    where: Mapping[str, object] | None = None,
    gains: Sequence[float] | None = None,
) -> Floor:
    """Measure how much runs of the same method differ, and whether they look independent.

    Parameters
    ----------
    runs : array, data frame, mapping, path or list of paths
        The runs, as for `gate`, in the order in which they were made.
    metric, seed, where
        What to read, as for `gate`.
    gains : sequence of float, optional
        The gains to plan for, in the unit of the metric; by default, 0.1, 0.3 and 1 percentage points.

    Returns
    -------
    Floor
        The noise floor. `print` shows it as one sentence.

    Raises
    ------
    CannotJudge
        If there are fewer than three runs, or if they cannot be read.

    Examples
    --------
    >>> from noisegrid import floor
    >>> runs = floor([93.1, 93.4, 92.9, 93.2, 93.0], metric="accuracy")
    >>> runs.suspicious, round(runs.std.value, 2)
    (False, 0.19)
    """
    return floor_of(from_values(runs, _choice(metric, seed, where), "runs"), gains)


def _choice(metric: str | None, seed: str | None, where: Mapping[str, object] | None) -> Choice:
    """Return what to read."""
    return Choice(metric, seed, tuple((column, str(value)) for column, value in (where or {}).items()))
