"""How much runs with other seeds differ, for tests that assert a gain."""

from collections.abc import Iterable, Sequence
from typing import Any

from noisegrid.common.errors import NoisegridError, UsageError
from noisegrid.gating.api import floor
from noisegrid.gating.floor import Floor


def noise_floor(
    results: Any,
    seeds: Iterable[int] | None = None,
    *,
    metric: str | None = None,
    gains: Sequence[float] | None = None,
) -> Floor:
    """Measure how much runs of the same method differ, as `noisegrid.floor` does.

    Parameters
    ----------
    results : sequence of numbers, or callable
        One result per run, or whatever else `noisegrid.floor` reads; or a function that returns the result of a seed.
    seeds : iterable of int, optional
        The seeds: those with which the function is called, or those of the results.
    metric : str, optional
        The name of the metric, or of the column to read (see `noisegrid.floor`).
    gains : sequence of float, optional
        The gains to plan for (see `noisegrid.floor`).

    Returns
    -------
    Floor
        The noise floor. With as many runs per side, a difference below its `smallest` cannot be told from noise.

    Raises
    ------
    AssertionError
        If all results are equal: every gain would be larger than this floor.

    Examples
    --------
    >>> from noisegrid.testing import noise_floor
    >>> bool(1.2 > noise_floor([93.1, 93.4, 92.9, 93.2, 93.0], metric="accuracy").smallest)
    True
    """
    __tracebackhide__ = True
    if callable(results) and seeds is None:
        raise UsageError("results is a function of a seed; give the seeds, such as seeds=range(5)")
    try:
        found = (
            floor(results, metric=metric, gains=gains) if seeds is None else _of_seeds(results, seeds, metric, gains)
        )
    except NoisegridError as error:
        raise error.with_traceback(None) from None
    if not found.std.value > 0:
        raise AssertionError(f"there is no noise floor: {found.findings[0].sentence}")
    return found


def _of_seeds(results: Any, seeds: Iterable[int], metric: str | None, gains: Sequence[float] | None) -> Floor:
    """Return the noise floor of results with known seeds."""
    __tracebackhide__ = True
    listed, name = list(seeds), metric or "result"
    found = [results(seed) for seed in listed] if callable(results) else list(results)
    if len(found) != len(listed):
        raise UsageError(f"there are {len(found)} results and {len(listed)} seeds; give one seed for each result")
    rows = [{"seed": seed, name: float(value)} for seed, value in zip(listed, found, strict=True)]
    return floor(rows, metric=name, gains=gains)
