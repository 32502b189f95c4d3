"""The top of the page: the verdict in one sentence, and the few numbers that a reader needs first."""

from dataclasses import dataclass

import pandas as pd

from noisegrid import stats
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.findings import control_sentence, overhead_sentences, versus_sentences
from noisegrid.reporting.metrics_frame import select, widest
from noisegrid.reporting.page.numbers import decimals, with_interval
from noisegrid.reporting.tables_cells import difference_table, versus_table
from noisegrid.reporting.titles import hardware_title, network_title, noise_title, task_title

#: The time of a deterministic training step, divided by that of a step with PyTorch's defaults.
STEP_TIME = "Cost of determinism, step time"


@dataclass(frozen=True)
class Headline:
    """The verdict on a study.

    Attributes
    ----------
    sentence : str
        The verdict, as a sentence.
    word : str
        The verdict on the second of two methods (`better`, `worse`, `equivalent`, `undecided`); empty if none are
        compared.
    """

    sentence: str
    word: str = ""


@dataclass(frozen=True)
class Fact:
    """A number at the top of the page: what it is, the number, its interval, and the cell that it is about."""

    title: str
    value: str
    interval: str
    about: str


def headline(frame: pd.DataFrame, overhead: pd.DataFrame | None) -> Headline:
    """Return the verdict on a study: on two methods if it compares any, else on which differences are noise."""
    compared = versus_table(frame)
    if len(compared):
        row = compared.iloc[0]
        return Headline(versus_sentences(frame)[0], str(row["verdict"]))
    if sentence := _gain(difference_table(widest(frame))) or _noisiest(frame) or control_sentence(frame):
        return Headline(sentence)
    return Headline(overhead_sentences(overhead)[0] if overhead is not None else "Nothing was compared.")


def _gain(table: pd.DataFrame) -> str:
    """Return which differences of two methods are noise, in the cell of a table with the largest such difference."""
    known = table.dropna(subset="real_gain_percentage_points") if len(table) else table
    if known.empty:
        few = int(table["n_replicates"].max()) if len(table) else 0
        return (
            f"{few} runs per cell are too few to say which difference in accuracy is noise: it takes at least "
            f"{stats.FEWEST}."
            if few
            else ""
        )
    top = known.loc[known["real_gain_percentage_points"].astype(float).idxmax()]
    value, low, high = top[[f"real_gain_percentage_points{end}" for end in ("", "_low", "_high")]].astype(float)
    points, where = _in(" points", with_interval(value, low, high, 2)), hardware_title(top["hardware"])
    others = _others(known)
    return (
        f"{'At worst, a' if others else 'A'} difference in accuracy below {points} cannot be told from noise with "
        f"{top['n_replicates']} runs per method ({task_title(top['task'])}, {where}, {noise_title(top['noise'])} "
        f"free{others})."
    )


def _others(rows: pd.DataFrame) -> str:
    """Return that the difference is smaller in the cells that the sentence does not name; empty if there are none."""
    what, count = ("cell" if rows["hardware"].nunique() > 1 else "task"), len(rows) - 1
    if not count:
        return ""
    return f"; smaller in the {f'other {what}' if count == 1 else f'{count} other {what}s'}"


def _noisiest(frame: pd.DataFrame) -> str:
    churn = select(frame, "churn")
    if churn.empty or churn["value"].max() == 0:
        return ""
    top = churn.loc[churn["value"].idxmax()]
    value = with_interval(top["value"], top["low"], top["high"], 2)
    return (
        f"Two runs of {task_title(top['task'])} that differ in {noise_title(str(top['noise']))} disagree on "
        f"{_in(' %', value)} of the test examples."
    )


def _in(unit: str, value: str) -> str:
    """Put the unit between a value and its interval."""
    number, space, interval = value.partition(" ")
    return f"{number}{unit}{space}{interval}"


def facts(frame: pd.DataFrame, overhead: pd.DataFrame | None) -> list[Fact]:
    """Return the numbers at the top: spread, churn of the widest noise and of one kind alone, control, overhead."""
    found = [
        _largest(frame, "accuracy_std", "Standard deviation of accuracy", " points"),
        _largest(widest(frame), "churn", "Churn, {noise} free", " %"),
        _largest(frame[frame["noise"] == "impl"], "churn", "Churn, {noise} alone", " %"),
        _control(frame),
        _overhead(overhead),
    ]
    return [fact for fact in found if fact]


def _largest(frame: pd.DataFrame, metric: str, title: str, unit: str) -> Fact | None:
    """Return the largest value of a metric. Its noise stands in the title in place of `{noise}`, or beside the task."""
    rows = select(frame, metric)
    if rows.empty or rows["value"].isna().all():
        return None
    top = rows.loc[rows["value"].idxmax()]
    noise, places = noise_title(str(top["noise"])), decimals([top["value"]])
    value, _, interval = with_interval(top["value"], top["low"], top["high"], places).partition(" ")
    about = [task_title(str(top["task"])), *([] if "{noise}" in title else [noise])]
    largest = "largest: " if len(rows) > 1 else ""
    return Fact(
        title.format(noise=noise),
        f"{value}{unit}",
        interval,
        f"{largest}{', '.join(about)}; {_n(top['n_replicates'])}",
    )


def _control(frame: pd.DataFrame) -> Fact | None:
    control = select(frame[frame["noise"] == "control"], "unequal_weights")
    if control.empty:
        return None
    exact = int((control["value"] == 0).sum())
    cells = f"{exact} of {len(control)} cells"
    return Fact("Control, nothing free", cells, "", "have bitwise equal weights in all runs")


def _overhead(overhead: pd.DataFrame | None) -> Fact | None:
    table = overhead_frame.determinism(overhead) if overhead is not None else pd.DataFrame()
    if table.empty:
        return None
    top, place, why = overhead_frame.largest(table)
    value, _, interval = with_interval(top["ratio"], top["low"], top["high"], 2).partition(" ")
    inputs = overhead_frame.inputs_title(top)
    about = [f"{network_title(top['network'])}, {inputs}, {hardware_title(top['hardware'])}"]
    about += [place] if place else []
    about += [_n(top["processes"]) + (" processes" if top["processes"] > 1 else " process")]
    if why:
        return Fact(STEP_TIME, "not decided", f"{value} times {interval}".rstrip(), f"{why}; {'; '.join(about)}")
    return Fact(STEP_TIME, f"{value} times", interval, "; ".join(about))


def _n(count: int) -> str:
    """Return the number of runs, which no end of a line divides."""
    return f"n = {count}".replace(" ", "\N{NO-BREAK SPACE}")
