"""The findings of a study in a few sentences, shown at the end of the workflow and on the first page of the report."""

import re
from pathlib import Path

import pandas as pd

from noisegrid import stats
from noisegrid.common.escape import html, lines, markdown
from noisegrid.common.files import write_text
from noisegrid.common.html import page
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.metrics_frame import provenance, select, single_hardware
from noisegrid.reporting.tables import CELL, class_table
from noisegrid.study.sources import FREE

#: The report's first page.
FRONT = """\
How much of these results is noise?
===================================

**What was measured** (study {study}). {measured}

**What it shows**

{shown}

**Where to look.** *Figures* has the paper's figures. *Tables* has their numbers and the verdicts on the paper's claims.
*Cells* has every number of a task on one kind of hardware: pick the category, then the task.

({basis}. Every number is in ``metrics.csv`` or ``overhead.csv``. ``noisegrid package`` writes all of this into one file
that others can check.)
"""


def findings(frame: pd.DataFrame) -> list[str]:
    """Return a list of findings from metrics.csv. A finding is left out if the cells it describes were not measured."""
    sentences = [control_sentence(frame), *churn_sentences(frame), *gain_sentences(frame), null_sentence(frame)]
    return [sentence for sentence in [*sentences, *lost_sentences(frame)] if sentence]


def control_sentence(frame: pd.DataFrame) -> str:
    """Return a sentence on how many control cells have bitwise equal weights; empty if no control cell was measured."""
    control = select(frame[frame["noise"] == "control"], "unequal_weights")
    if control.empty:
        return ""
    exact = int((control["value"] == 0).sum())
    return f"Control is exactly zero (bitwise equal weights) in {exact} of {len(control)} control cells."


def churn_sentences(frame: pd.DataFrame) -> list[str]:
    """Return sentences that compare the churn of implementation noise with the churn of algorithmic noise.

    There is one sentence for each task on each kind of hardware on which both noises were measured.
    """
    churn = select(frame, "churn").set_index(CELL)
    sentences = []
    for hardware, task in dict.fromkeys((h, t) for h, t, _ in churn.index):
        try:
            algo, impl = (churn.loc[(hardware, task, noise)] for noise in ("algo", "impl"))
        except KeyError:
            continue
        ratio = f" ({impl['value'] / algo['value']:.0%} of it)" if algo["value"] > 0 else ""
        sentences.append(
            f"{task} on {hardware}: two runs that differ in implementation alone disagree on {_interval(impl)} % of "
            f"the test images, two that differ in algorithmic randomness on {_interval(algo)} %{ratio}."
        )
    return sentences


def gain_sentences(frame: pd.DataFrame) -> list[str]:
    """Return one sentence for each `algo_impl` cell, on how large a gain in accuracy must be to be significant."""
    spread = select(frame[frame["noise"].isin(["algo_impl"])], "accuracy_std")
    return [
        f"{row.task} on {row.hardware}: with {row.n_replicates} runs per method, an observed gain below "
        f"{stats.significant_difference(row.value, row.n_replicates):.2f} points of accuracy is not real at 95 %; "
        f"to see a gain of 0.3 points takes {stats.replicates_needed(row.value, 0.3)} runs per method."
        for row in spread.itertuples()
    ]


def null_sentence(frame: pd.DataFrame) -> str:
    """Return a sentence on how many per-class standard deviations exceed the independent-error null.

    The sentence is empty if no per-class standard deviation was measured.
    """
    table = class_table(frame)
    if table.empty:
        return ""
    classes, above = table["classes"].sum(), table["above_null"].sum()
    return (
        f"Of {classes} per-class standard deviations in {len(table)} cells, {above} ({above / classes:.0%}) are larger "
        "than independent errors of the same images would give (above the 95 % range; chance alone: 2.5 %)."
    )


def lost_sentences(frame: pd.DataFrame) -> list[str]:
    """Return sentences that state how many replicates diverged or failed, and are therefore left out of all numbers."""
    sentences = []
    for fate in ("diverged", "failed"):
        rows = select(frame, f"replicates_{fate}").itertuples()
        lost = [f"{int(row.value)} in {row.hardware}/{row.task}/{row.noise}" for row in rows if row.value > 0]
        if lost:
            sentences.append(f"Replicates that {fate} and are left out of all numbers: {', '.join(lost)}.")
    return sentences


def overhead_sentences(overhead: pd.DataFrame) -> list[str]:
    """Return one text per kind of hardware: the overhead of determinism, and how many networks are repeatable."""
    table = overhead_frame.determinism(overhead)
    sentences = []
    for hardware, part in table.groupby("hardware", sort=False):
        top = part.loc[part["ratio"].idxmax()]
        kept = int((part["repeatable"] == "yes").sum())
        interval = f"[{top.low:.2f}, {top.high:.2f}] ({top.network}, {_processes(top.processes)})"
        times = f"{top.ratio:.2f} times as long {interval}"
        if len(part) > 1:
            times = f"{part['ratio'].min():.2f} to {top.ratio:.2f} times as long, at most {interval}"
        sentences.append(
            f"Determinism on {hardware}: a deterministic training step takes {times}. Two runs from one state were "
            f"bitwise equal for {kept} of {len(part)} networks."
        )
    return sentences


def _processes(count: int) -> str:
    return f"n = {count} processes" if count > 1 else overhead_frame.ONE_PROCESS


def _interval(row: pd.Series) -> str:
    return f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def write(frame: pd.DataFrame, overhead: pd.DataFrame | None, path: Path) -> None:
    """Write the findings of a study as Markdown, HTML and reStructuredText.

    Parameters
    ----------
    frame : pandas.DataFrame
        The content of metrics.csv.
    overhead : pandas.DataFrame or None
        The content of overhead.csv, if the study times networks.
    path : Path
        Path of the .md file to write. The .html file and the .rst file (the first page of the report) are written next
        to it.
    """
    sentences, basis = findings(frame), f"{provenance(frame)}; 95 % intervals"
    if overhead is not None:
        sentences += overhead_sentences(overhead)
        basis += f"; timings: {overhead_frame.provenance(overhead)}"
    write_text(path, "\n".join([*(f"- {sentence}" for sentence in sentences), "", f"({markdown(basis)})"]) + "\n")
    body = f"<ul>{''.join(map(item, sentences))}</ul><p>{html(basis)}</p>"
    write_text(path.with_suffix(".html"), page("Findings", body))
    write_text(path.with_suffix(".rst"), front(frame, sentences, basis))


def front(frame: pd.DataFrame, sentences: list[str], basis: str) -> str:
    """Return the first page of the report as reStructuredText.

    Parameters
    ----------
    frame : pandas.DataFrame
        The contents of metrics.csv.
    sentences : list of str
        The findings.
    basis : str
        What the numbers are based on: the number of replicates per cell and of test images, device and versions.
    """
    cells = single_hardware(frame).drop_duplicates(CELL)
    tasks = ", ".join(dict.fromkeys(cells["task"]))
    hardware = ", ".join(dict.fromkeys(cells["hardware"]))
    runs = int(cells["n_replicates"].sum())
    sources = [noise for noise in FREE if (cells["noise"] == noise).any()]
    return FRONT.format(
        study=frame["study"].iloc[0],
        measured=f"{runs} training runs in {len(cells)} cells: {tasks}, on {hardware}. Every cell leaves certain "
        f"sources of randomness free and holds all others ({', '.join(sources)}). "
        "The runs of a cell are compared with each other.",
        shown="\n".join(f"- {_plain(sentence)}" for sentence in sentences),
        basis=_plain(basis),
    )


def _plain(text: str) -> str:
    """Escape the special characters of reStructuredText, and replace braces, which are special in Jinja."""
    return re.sub(r"([*`_|\\])", r"\\\1", lines(text)).replace("{", "(").replace("}", ")")


def item(sentence: str) -> str:
    """Return a sentence as an HTML list item."""
    return f"<li>{html(sentence)}</li>"
