"""Where two runs of a function first differ, in the words of `noisegrid diverge`."""

from noisegrid.divergence import sentences
from noisegrid.divergence.compare import compare
from noisegrid.testing import values
from noisegrid.testing.runs import Run


def difference(a: Run, b: Run) -> str:
    """Return where two runs first differ: a sentence, and a table. Return an empty text if they are equal.

    An operation is looked for first. What was returned is compared last, because it follows from the operations.
    """
    for step, (one, other) in enumerate(zip(a.traces, b.traces, strict=True)):
        found = compare(one, other)
        # a batch that differs after a step that does not was not made by this step: the next trace says so
        later = found.state is None or found.state.step > step + 1 or found.state.part == "batch"
        if found.cause or not later or (found.state and found.state.step <= step):
            return _joined(
                sentences.sentence(found, one, other), sentences.table(found.differing) if found.differing else ""
            )
    if apart := values.differences(a.returned, b.returned):
        count = len({**a.returned, **b.returned})
        return _joined(
            f"the operations are equal, but what was returned differs; {values.sentence(apart, count)}",
            values.table(apart),
        )
    return ""


def _joined(sentence: str, table: str) -> str:
    return f"{sentence}\n\n{table}" if table else sentence
