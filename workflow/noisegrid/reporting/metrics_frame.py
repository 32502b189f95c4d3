"""Load metrics.csv as a data frame, from which tables, figures and findings are made."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError, why
from noisegrid.measuring.rows import COLUMNS
from noisegrid.reporting.titles import hardware_title, noise_title, task_title
from noisegrid.study.sources import CROSSED, FREE, NAMES, ONE_SEED_SET, seed_note

#: Columns that version 3 of metrics.csv added. They are empty in files of earlier versions.
ADDED = ("error", "freedom", "p", "note")


def load_metrics(path: Path) -> pd.DataFrame:
    """Read metrics.csv and check its version and columns.

    The column `noise` becomes a category with the order of the noise registry.

    Raises
    ------
    NoisegridError
        If the file cannot be read, has another version, lacks a column or has a name that noisegrid does not write.
    """
    try:
        frame = pd.read_csv(path, dtype={"group": str, "without_batch_norm": str, "note": str}, keep_default_na=True)
    except (OSError, ValueError) as error:
        raise NoisegridError(f"cannot read {path}: {why(error)}; give the metrics.csv that Snakemake wrote") from error
    check_schema(frame, versions.METRICS, path, also=(1, 2))
    if (frame["schema"] < versions.METRICS).any():
        frame = frame.assign(**dict.fromkeys(ADDED, np.nan), seed_sets=_earlier_seed_sets(frame))
    missing = set(COLUMNS) - set(frame.columns)
    if missing:
        raise NoisegridError(
            f"{path} lacks the columns {', '.join(sorted(missing))}; run `snakemake` to write it again"
        )
    check_names(frame, ("study", "hardware", "task", "noise", "metric", "without_batch_norm"), path)
    frame["noise"] = pd.Categorical(frame["noise"], list(NAMES), ordered=True)
    for column in ("without_batch_norm", "note"):
        frame[column] = frame[column].astype(object).fillna("").astype(str)
    return frame


def _earlier_seed_sets(frame: pd.DataFrame) -> pd.Series:
    """Return the number of seed sets in a file that does not state it: 1, or NaN in cells with intervals over sets."""
    over_sets = frame["interval"].str.endswith("over sets").eq(True)
    several = over_sets.groupby([frame[key] for key in ("hardware", "task", "noise")]).transform("any")
    return pd.Series(1.0, frame.index).mask(several)


def check_schema(frame: pd.DataFrame, current: int, path: Path, also: tuple[int, ...] = (1,)) -> None:
    """Check the version that the column `schema` states. Rows of version 1 have no such column.

    Parameters
    ----------
    frame : pandas.DataFrame
        The content of the file.
    current : int
        The version that this release writes.
    path : Path
        The path of the file, for the message.
    also : tuple of int
        Earlier versions that are read too.

    Raises
    ------
    NoisegridError
        If a row has another version.
    """
    if "schema" not in frame:
        frame["schema"] = 1
    for found in frame["schema"].unique():
        versions.check_version(int(found) if str(found).isdigit() else found, current, str(path), also=also)


def measured_names(frame: pd.DataFrame) -> list[str]:
    """Return the noises that were measured, and CROSSED if there is a crossed cell, in the order of the registry."""
    return [name for name in NAMES if (frame["noise"] == name).any()]


def free_sources(frame: pd.DataFrame, name: str) -> str:
    """Return the sources that a noise leaves free, as text; for CROSSED, those that any crossed cell has measured."""
    if name in FREE:
        return ", ".join(sorted(FREE[name])) or "nothing"
    groups = frame[frame["metric"] == "component_predictions_alone"]["group"]
    return ", ".join(dict.fromkeys(groups))


#: The names that become parts of file names and of sentences: a name, or two kinds of hardware that are compared.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+:-]*( × [A-Za-z0-9][A-Za-z0-9_.@+:-]*)?")


def check_names(frame: pd.DataFrame, columns: Sequence[str], path: Path) -> None:
    """Check the columns that name cells and metrics, as the file may come from a stranger.

    Raises
    ------
    NoisegridError
        If a name has another form.
    """
    for column in columns:
        for name in frame[column].dropna().unique():
            if not NAME.fullmatch(str(name)) or ".." in str(name):
                raise NoisegridError(
                    f"{path}: {column}: {name!r} is no name that noisegrid writes; give the file that Snakemake wrote"
                )


def batch_norm_counterparts(frame: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return (hardware, task, counterpart without batch norm) for each measured pair, in the order of the file.

    A pair is a task and its counterpart, both measured on the same hardware.
    """
    measured = dict.fromkeys(zip(frame["hardware"], frame["task"], frame["without_batch_norm"], strict=True))
    cells = {(hardware, task) for hardware, task, _ in measured}
    return [(hardware, task, plain) for hardware, task, plain in measured if (hardware, plain) in cells]


def select(frame: pd.DataFrame, metric: str, group: str | None = "all") -> pd.DataFrame:
    """Return the rows of one metric, ordered by hardware, task (in the order of the file) and noise.

    Parameters
    ----------
    frame : pandas.DataFrame
        The contents of metrics.csv.
    metric : str
        Name of the metric.
    group : str or None
        A class, sub-group or replicate, or `all` for the rows about the whole cell. `None` selects every group.
    """
    rows = frame[frame["metric"] == metric]
    if group is not None:
        rows = rows[rows["group"] == group]
    tasks = list(dict.fromkeys(frame["task"]))
    return rows.sort_values(["hardware", "task", "noise"], key=lambda c: c.map(tasks.index) if c.name == "task" else c)


#: The noises that show how much whole runs of a method differ, the widest first.
WIDEST = ("algo_impl", "algo")


def widest(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one noise for each task on each kind of hardware: the widest that was measured (see WIDEST).

    A task that has none of these noises there has no row in the result.
    """
    place, ranks = [frame["hardware"], frame["task"]], {name: rank for rank, name in enumerate(WIDEST)}
    rank = frame["noise"].astype(str).map(ranks)
    return frame[rank.eq(rank.groupby(place).transform("min"))]


def single_hardware(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about a single kind of hardware, without the rows that compare two kinds of hardware."""
    return frame[~frame["hardware"].str.contains(" × ")]


def provenance(frame: pd.DataFrame, titled: bool = False) -> str:
    """Return the text that must accompany every printed number.

    The text has the number of replicates per cell (n), the number of test examples, device and versions. It names the
    cells whose numbers are conditional on one seed set.

    Parameters
    ----------
    frame : pandas.DataFrame
        The contents of metrics.csv, or the part that the numbers are from.
    titled : bool
        Whether noises, tasks and hardware have their titles, as in figures, instead of their names.
    """
    counts = sorted(set(frame["n_replicates"]))
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    examples = " / ".join(f"{count:,}" for count in sorted(set(frame["n_examples"])))
    # the rows that compare two kinds of hardware contain no device or version that is missing from the other rows
    single = single_hardware(frame)
    what = [" and ".join(sorted(set(single[column]))) for column in ("device", "versions")]
    held = [text for text in (_several_sets(single), _one_set(single, titled)) if text]
    return "; ".join([f"n = {n} replicates per cell, {examples} test examples", *what, *held])


def seed_notes(rows: pd.DataFrame) -> list[str]:
    """Return, for each row, ONE_SEED_SET if its cell holds for one seed set alone, otherwise an empty string."""
    return [seed_note(str(row.noise), row.seed_sets) for row in rows.itertuples()]


def _several_sets(frame: pd.DataFrame) -> str:
    """Return a text with the number of seed sets of the cells that have several; empty if there is no such cell."""
    counts = sorted({int(count) for count in frame["seed_sets"].dropna() if count > 1})
    return f"{' or '.join(map(str, counts))} seed sets where seeds are held" if counts else ""


def _one_set(frame: pd.DataFrame, titled: bool) -> str:
    """Return a text that names the cells that are conditional on one seed set; empty if there is no such cell.

    Where this is true of all cells with some noise, the noise alone is named.
    """
    cells = frame.drop_duplicates(["hardware", "task", "noise"])
    conditional = np.array(seed_notes(cells)) != ""
    whole = [noise for noise in FREE if (here := cells["noise"] == noise).any() and conditional[here].all()]
    noise, task, hardware = (noise_title, task_title, hardware_title) if titled else (str, str, str)
    names = [", ".join(map(noise, whole))] if whole else []
    rest = cells[conditional & ~cells["noise"].isin(whole)]
    for (machine, name), part in rest.groupby(["hardware", "task"], sort=False):
        free = ["crossed runs" if each == CROSSED else noise(each) for each in part["noise"]]
        names.append(f"{', '.join(free)} of {task(name)} on {hardware(machine)}")
    return f"{ONE_SEED_SET}: {' and '.join(names)}" if names else ""
