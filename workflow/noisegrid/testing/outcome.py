"""Where two runs of a function first differ, in the words of `noisegrid diverge`."""

from noisegrid.divergence.command import shown
from noisegrid.divergence.compare import compare
from noisegrid.divergence.trace import Trace
from noisegrid.testing import values
from noisegrid.testing.run import Run


def difference(a: Run, b: Run) -> str:
    """Return where two runs first differ: a sentence, and a table. Return an empty text if they are equal.

    Operations are compared first. What was returned is compared last, because it follows from them.
    """
    for one, other in zip(a.traces, b.traces, strict=True):
        found = compare(one, other)
        if found.cause or (found.state and _is_due(found.state.step, found.state.part, one.step)):
            return shown(found, one, other)
    if apart := values.differences(a.returned, b.returned):
        count = len({**a.returned, **b.returned})
        sentence = f"{_operations(a.traces[-1])}, but what was returned differs; {values.sentence(apart, count)}"
        return "\n\n".join(filter(None, [sentence, values.table(apart)]))
    return ""


def _is_due(step: int, part: str, traced: int) -> bool:
    """Return whether a difference before `step` is reported with the operations of the step `traced`.

    It is reported with those of the step before it, which may have made it. A batch is made outside of them.
    """
    return step <= traced or (step == traced + 1 and part != "batch")


def _operations(trace: Trace) -> str:
    """Return what is equal."""
    return f"the first {len(trace.operations):,} operations are equal" if trace.left_out else "the operations are equal"
