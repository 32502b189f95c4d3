"""The first page of Snakemake's report: what was measured, the findings, and where to look."""

import re

import pandas as pd

from noisegrid.common.escape import lines
from noisegrid.reporting.metrics_frame import measured_names, single_hardware

#: The first page of Snakemake's report.
FRONT = """\
How much of these results is noise?
===================================

**What was measured** (study {study}). {measured}

**What it shows**

{shown}

**Where to look.** The report of the study is ``report.html``, next to this page. This page has the code and the
duration of every step. *Figures* has the paper's figures. *Tables* has their numbers and the verdicts on the paper's
claims. *Cells* has every number of a task on one kind of hardware: pick the category, then the task.

({basis}. Every number is in ``metrics.csv`` or ``overhead.csv``. ``noisegrid package`` writes all of this into one file
that others can check.)
"""


def front(frame: pd.DataFrame, sentences: list[str], basis: str) -> str:
    """Return the first page of Snakemake's report as reStructuredText.

    Parameters
    ----------
    frame : pandas.DataFrame
        The contents of metrics.csv.
    sentences : list of str
        The findings.
    basis : str
        What the numbers are based on: the number of replicates per cell and of test examples, device and versions.
    """
    cells = single_hardware(frame).drop_duplicates(["hardware", "task", "noise"])
    tasks = ", ".join(dict.fromkeys(cells["task"]))
    hardware = ", ".join(dict.fromkeys(cells["hardware"]))
    runs = int(cells["n_replicates"].sum())
    sources = measured_names(cells)
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
