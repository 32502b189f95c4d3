"""metrics.csv as a data frame: the one thing that tables, figures and findings read."""

from pathlib import Path

import pandas as pd

from noisegrid.common.errors import NoisegridError
from noisegrid.measuring.cell import COLUMNS
from noisegrid.study.sources import FREE


def load_metrics(path: Path) -> pd.DataFrame:
    """Read metrics.csv, check its columns, and order noise sources as everywhere: together, then alone."""
    try:
        frame = pd.read_csv(path, dtype={"group": str}, keep_default_na=True)
    except (OSError, ValueError) as error:
        raise NoisegridError(f"cannot read {path}: {error}") from error
    missing = set(COLUMNS) - set(frame.columns)
    if missing:
        raise NoisegridError(f"{path} lacks the columns {', '.join(sorted(missing))}; make it again with `snakemake`")
    frame["noise"] = pd.Categorical(frame["noise"], list(FREE), ordered=True)
    return frame


def select(frame: pd.DataFrame, metric: str, group: str | None = "all") -> pd.DataFrame:
    """The rows of one metric, in the order of tasks (as measured) and noise sources; group None means every group."""
    rows = frame[frame["metric"] == metric]
    if group is not None:
        rows = rows[rows["group"] == group]
    tasks = list(dict.fromkeys(frame["task"]))
    return rows.sort_values(["hardware", "task", "noise"], key=lambda c: c.map(tasks.index) if c.name == "task" else c)


def single_hardware(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of one kind of hardware each, without the comparisons of two."""
    return frame[~frame["hardware"].str.contains(" × ")]


def provenance(frame: pd.DataFrame) -> str:
    """The words without which no number is printed: n, device, versions."""
    counts = sorted(set(frame["n_replicates"]))
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    examples = " / ".join(f"{count:,}" for count in sorted(set(frame["n_examples"])))
    # what a comparison of two kinds of hardware has, each of the two has
    single = single_hardware(frame)
    what = [" and ".join(sorted(set(single[column]))) for column in ("device", "versions")]
    return f"n = {n} replicates per cell, {examples} test images; {what[0]}; {what[1]}"
