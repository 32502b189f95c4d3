"""The assertion that a function gives the same bits each time."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from noisegrid.common.errors import NoisegridError, UsageError
from noisegrid.testing import plugin

if TYPE_CHECKING:
    from noisegrid.testing.run import Run

#: The numbers of threads that `--noisegrid-deep` compares.
THREADS = (1, 2)
#: How a difference begins that a missing seed explains, and what is said then.
UNEQUAL_START = "before the first step, the weights differ"
UNSEEDED = "(assert_deterministic sets no seed; if the weights should be equal, call torch.manual_seed in the function)"


def assert_deterministic(
    step: Callable[..., Any],
    runs: int = 2,
    fresh_process: bool = True,
    *,
    steps: int = 3,
    deep: bool | None = None,
) -> None:
    """Run a function several times, and fail unless all runs are equal to the bit.

    Nothing is seeded and no switch is set: the function is run as it is. A test without PyTorch is skipped.

    Parameters
    ----------
    step : callable
        Either a training step, which needs one argument: `step(None)` returns the state, and `step(state)` trains on
        (docs/diverge.md). Or a function that needs no argument, and returns a module, a state dict, tensors, arrays or
        numbers; mappings and lists of them are compared, too.
    runs : int
        How many runs are compared.
    fresh_process : bool
        Whether each run has a process of its own, so that global state cannot hide a difference. The function must
        then be importable: it may not be a lambda, nor be inside another function.
    steps : int
        The number of steps of a training step.
    deep : bool, optional
        Whether to run in fresh processes in any case, where the function is importable, and to compare one thread with
        two. By default, what pytest's option `--noisegrid-deep` says.

    Raises
    ------
    AssertionError
        If two runs differ. The message is the sentence of `noisegrid diverge`.
    """
    __tracebackhide__ = True
    plugin.skip_without_torch("assert_deterministic")
    from noisegrid.testing.outcome import difference

    try:
        _check(step, runs, steps)
        for which, a, b in _pairs(step, runs, fresh_process, steps, plugin.is_deep() if deep is None else deep):
            if found := difference(a, b):
                hint = f"\n{UNSEEDED}" if found.startswith(UNEQUAL_START) else ""
                raise AssertionError(f"{found}{hint}\n\n{which}")
    except NoisegridError as error:
        raise error.with_traceback(None) from None


def _check(step: Callable[..., Any], runs: int, steps: int) -> None:
    if not callable(step):
        raise UsageError(f"step is of type {type(step).__name__}; give a function")
    if runs < 2:
        raise UsageError(f"runs is {runs}, but one run has nothing to be compared with; write 2 or more")
    if steps < 1:
        raise UsageError(f"steps is {steps}, which is no number of steps; write 1 or more")


def _pairs(
    step: Callable[..., Any], runs: int, fresh_process: bool, steps: int, deep: bool
) -> Iterator["tuple[str, Run, Run]"]:
    """Yield what is compared in words, with its two runs. What is not asked for is not run."""
    __tracebackhide__ = True
    from noisegrid.testing.fresh import is_importable, run_fresh
    from noisegrid.testing.running import name_of, run_here, takes_state

    here = partial(run_here, step, steps)
    fresh = partial(run_fresh, step, steps)
    count = f", {steps} step{'s' if steps > 1 else ''}" if takes_state(step) else ""
    places = [(fresh, "each in a fresh process") if fresh_process else (here, "in one process")]
    if deep and not fresh_process and is_importable(step):
        places.append((fresh, "each in a fresh process"))
    for run, place in places:
        first = run()
        for number in range(2, runs + 1):
            yield f"{name_of(step)}, run 1 against run {number}, {place}{count}", first, run()
    if deep:
        run, place = places[-1]
        one, two = (run(number) for number in THREADS)
        yield f"{name_of(step)}, 1 thread against 2 threads, {place}{count}", one, two
