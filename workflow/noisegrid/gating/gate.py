"""The verdict on a gain: whether new runs are better than base runs, or whether the difference may be noise."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.gating import sentences
from noisegrid.gating.checks import check, check_both
from noisegrid.gating.examples import ExampleResults, compare_examples
from noisegrid.gating.matching import match_examples, pair_runs, same_metric
from noisegrid.gating.metric import lower_is_better as by_name
from noisegrid.gating.metric import says_direction
from noisegrid.gating.question import Question
from noisegrid.gating.rounding import step
from noisegrid.gating.spending import Ledger, Look, digest
from noisegrid.reading.runs import CannotJudge, Read, Runs
from noisegrid.stats.comparison import BETTER, EQUIVALENT, UNDECIDED, WORSE, probability_of_superiority
from noisegrid.stats.gain import Gain, decide, gain, gain_of_examples, runs_to_decide
from noisegrid.stats.intervals import Estimate, outlier, student_interval

Array = np.ndarray
#: The exit code of each verdict. 1 and 2 are those of crashes and wrong usage, 6 is that of CannotJudge.
EXIT_CODES = {BETTER: 0, WORSE: 3, UNDECIDED: 4, EQUIVALENT: 5}


@dataclass(frozen=True)
class Side:
    """The runs of one side: their label, results, names and seeds, their mean with its interval, and what was read."""

    label: str
    values: tuple[float, ...]
    names: tuple[str, ...]
    seeds: tuple[str, ...] | None
    mean: Estimate
    std: float
    read: tuple[Read, ...] = ()


@dataclass(frozen=True)
class Gate:
    """The verdict on new runs. `print` shows it as one sentence.

    Attributes
    ----------
    verdict : str
        What the new runs are: `better`, `worse`, `equivalent` or `undecided`.
    metric, unit : str
        The name of the metric, and the unit of differences (empty if it is that of the metric).
    lower_is_better : bool
        Whether a lower value is better.
    difference : Estimate
        The mean of the new runs minus that of the base runs, with its interval at `level`.
    of_runs : Estimate
        The same with an interval that covers the noise of runs alone, not the sampling of the test examples.
    superiority : Estimate
        The probability that a run of the new side is better than a run of the base side.
    smallest : float
        The smallest difference that these runs can show: the half-width of the interval.
    needed : int or None
        How many further runs per side would decide, with a power of 80 %, if the true difference were the observed one.
        It is 0 if the verdict is decided, and None if no number of runs would decide.
    paired : bool
        Whether runs with the same seed were paired.
    test : str
        The name of the test.
    question : Question
        What was asked.
    level : float
        The confidence of the verdict and of all intervals, corrected for the number of variants and of looks.
    base, new : Side
        Both sides.
    examples : ExampleResults or None
        What the results of each example show.
    notes : tuple of str
        What a reader must know.
    look : Look or None
        Which look it was, if a ledger counts them.
    """

    verdict: str
    metric: str
    unit: str
    lower_is_better: bool
    difference: Estimate
    of_runs: Estimate
    superiority: Estimate
    smallest: float
    needed: int | None
    paired: bool
    test: str
    question: Question
    level: float
    base: Side
    new: Side
    examples: ExampleResults | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)
    look: Look | None = None

    @property
    def exit_code(self) -> int:
        """Return the exit code of `noisegrid gate` for the verdict."""
        return EXIT_CODES[self.verdict]

    def __str__(self) -> str:
        """Return the verdict as one sentence."""
        return sentences.sentence(self)


def judge(base: Runs, new: Runs, question: Question, ledger: Ledger | None = None) -> Gate:
    """Judge whether new runs are better than base runs.

    Parameters
    ----------
    base, new : Runs
        Both sides.
    question : Question
        What is asked.
    ledger : Ledger, optional
        The file that counts the looks, if results are looked at repeatedly. Runs that cannot be judged spend no look.

    Raises
    ------
    CannotJudge
        If the runs cannot be judged, or if the ledger allows no further look.
    """
    sides = _prepare(base, new, question)
    question = question.about(sides.base, sides.new)
    if ledger is None:
        return _verdict(sides, question, question.confidence)
    data = digest(sides.base, sides.new, sides.paired, (question, sides.lower_is_better))
    look = ledger.reserve(data, question.confidence)
    found = _verdict(sides, question, look.level)
    ledger.record(look, question.confidence, found.verdict)
    return replace(found, look=look, notes=(ledger.note(look, found.level), *found.notes))


class _Sides(NamedTuple):
    """Both sides, checked, with pairs of runs at the same place, and examples in the same order."""

    base: Runs
    new: Runs
    paired: bool
    lower_is_better: bool
    notes: tuple[str, ...]


def _prepare(base: Runs, new: Runs, question: Question) -> _Sides:
    """Check both sides and match them. Raise CannotJudge if they cannot be judged."""
    base, new = same_metric(base, new)
    for side, name in ((base, "base"), (new, "new")):
        check(side, name, question.allow_identical, question.unpaired)
    check_both(base, new, question.allow_identical)
    lower = by_name(base.metric) if question.lower_is_better is None else question.lower_is_better
    if lower is None:
        raise CannotJudge(
            f"the name {terminal(base.metric)} does not say whether a lower value is better; add --lower-is-better or "
            "--higher-is-better"
        )
    notes, paired = [], False
    if question.lower_is_better is None and not says_direction(base.metric):
        name = terminal(base.metric)
        notes.append(
            f"the name {name} does not say which is better; higher is taken, so add --lower-is-better if it is not"
        )
    if not question.unpaired:
        base, new, paired, note = pair_runs(base, new)
        notes += [note] if note else []
        equal = int((base.values == new.values).sum()) if paired else 0
        if equal > len(base) / 2:
            notes.append(f"{equal} of {len(base)} pairs have equal results, as if the change had no effect there")
    if base.examples is not None and new.examples is not None:
        if base.examples.scale != new.examples.scale:
            raise CannotJudge(
                f"the {terminal(base.metric)} of each example is true or false on one side and a number on the other; "
                "write both in the same way"
            )
        matched = match_examples(base.examples, new.examples)
        base, new = (replace(side, examples=of) for side, of in zip((base, new), matched, strict=True))
    elif base.examples is not new.examples:
        notes.append("only one side has results of each example, so only the results of the runs are compared")
    return _Sides(base, new, paired, lower, tuple(notes))


def _verdict(sides: _Sides, question: Question, level: float) -> Gate:
    """Return the verdict at a confidence, which is yet to be corrected for several tries."""
    base, new, paired, lower, notes = sides
    level = 1 - (1 - level) / question.tried
    found, results = _gain(base, new, paired), None
    if base.examples is not None and new.examples is not None:
        results = compare_examples(base.examples, new.examples, paired, level, found.of_examples(level))
    sign = -1.0 if lower else 1.0
    signed = found.scaled(sign)
    bounds = level, question.at_least, question.margin
    verdict = decide(signed, *bounds)
    difference = found.estimate(level)
    return Gate(
        verdict=verdict,
        metric=new.metric,
        unit=new.unit,
        lower_is_better=lower,
        difference=difference,
        of_runs=found.of_runs(level),
        superiority=probability_of_superiority(
            sign * base.values, sign * new.values, confidence=level, freedom=found.of_runs(level).freedom
        ),
        smallest=(difference.high - difference.low) / 2,
        needed=0 if verdict != UNDECIDED else runs_to_decide(signed, *bounds),
        paired=paired,
        test=found.test(),
        question=question,
        level=level,
        base=_side(base, level),
        new=_side(new, level),
        examples=results,
        notes=(*notes, *(note for side, name in ((base, "base"), (new, "new")) for note in _outliers(side, name))),
    )


def _gain(base: Runs, new: Runs, paired: bool) -> Gain:
    """Return the gain in the unit of the metric, over runs and, where both sides have them, over test examples."""
    if base.examples is None or new.examples is None:
        return gain(base.values, new.values, paired, step(np.concatenate([base.values, new.values])))
    return gain_of_examples(base.examples.numbers, new.examples.numbers, paired, new.examples.span).scaled(
        new.examples.scale
    )


def _side(runs: Runs, level: float) -> Side:
    deviation = float(runs.values.std(ddof=1))
    centre = student_interval(float(runs.values.mean()), deviation / len(runs) ** 0.5, len(runs) - 1, level)
    return Side(runs.label, tuple(map(float, runs.values)), runs.names, runs.seeds, centre, deviation, runs.read)


def _outliers(runs: Runs, side: str) -> Iterator[str]:
    """Yield a note if a run lies apart from all others."""
    if (place := outlier(runs.values)) is not None:
        yield (
            f"{side}: {terminal(runs.names[place])} ({runs.values[place]:g}) lies far from the other runs; look at it, "
            "because the intervals assume that no run does"
        )
