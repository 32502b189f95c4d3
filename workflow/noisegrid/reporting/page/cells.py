"""The sections about cells: every number of a task on one kind of hardware, with its noises side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from noisegrid.reporting.cell_pages import LEFT_OUT
from noisegrid.reporting.metrics_frame import measured_names, provenance, single_hardware
from noisegrid.reporting.page.columns import Item
from noisegrid.reporting.page.headings import metric_title
from noisegrid.reporting.page.names import Names, Place
from noisegrid.reporting.page.numbers import decimals, number, with_interval
from noisegrid.reporting.titles import class_title, noise_title

#: A metric that has more groups than this (classes, runs, epochs) is only in metrics.csv, so that the page stays light.
MOST_GROUPS = 100
#: How the units of metrics.csv read behind the name of a metric.
UNITS = {"percent": "%", "percentage points": "points", "1": "", "count": ""}


@dataclass(frozen=True)
class Line:
    """A metric in all cells of a section: its name, what it is about, and a number for each noise."""

    title: str
    unit: str
    about: str
    items: list[Item]


@dataclass(frozen=True)
class Section:
    """The numbers of a task on one kind of hardware.

    Attributes
    ----------
    place : Place
        The task and the hardware.
    basis : str
        n, device and versions.
    noises : list of tuple of str and str
        For each cell, the title and the name of its noise.
    overall, by_group : list of Line
        The numbers of whole cells, and those of classes, sub-groups, runs and epochs.
    left_out : list of str
        The metrics with too many groups for the page.
    """

    place: Place
    basis: str
    noises: list[tuple[str, str]]
    overall: list[Line]
    by_group: list[Line]
    left_out: list[str]


def sections(frame: pd.DataFrame, names: Names) -> Iterator[Section]:
    """Yield a section for each task on each kind of hardware."""
    single = single_hardware(frame)
    for place in names.places:
        rows = single[(single["hardware"] == place.hardware) & (single["task"] == place.task)]
        yield _section(rows, place)


def _section(rows: pd.DataFrame, place: Place) -> Section:
    basis = provenance(rows)
    rows = rows[~rows["metric"].str.startswith(LEFT_OUT)]
    noises = measured_names(rows)
    counts = rows.groupby("metric")["group"].nunique()
    many = [metric for metric in counts.index if counts[metric] > MOST_GROUPS]
    few = rows[~rows["metric"].isin(many)]
    return Section(
        place,
        basis,
        [(noise_title(noise), noise) for noise in noises],
        list(_lines(few[few["group"] == "all"], noises, place.task)),
        list(_lines(few[few["group"] != "all"], noises, place.task)),
        [metric_title(metric) for metric in many],
    )


def _lines(rows: pd.DataFrame, noises: list[str], task: str) -> Iterator[Line]:
    """Yield a line for each metric and group; all groups of a metric have one precision."""
    for metric, part in rows.groupby("metric", sort=False):
        whole = (part["unit"] == "count").all()
        places = 0 if whole else decimals(part["value"].dropna())
        ends = 1 if whole else places  # the ends of the interval of a count are not whole
        for group, line in part.groupby("group", sort=False):
            by_noise = {str(row.noise): row for row in line.itertuples()}
            about = "" if group == "all" else class_title(task, str(group))
            unit = str(line["unit"].iloc[0])
            items = [_item(by_noise.get(noise), places, ends) for noise in noises]
            yield Line(metric_title(str(metric)), UNITS.get(unit, unit), about, items)


def _item(row: object, places: int, ends: int) -> Item:
    if row is None:
        return Item("")
    value, low, high = (getattr(row, end) for end in ("value", "low", "high"))
    interval = with_interval(value, low, high, ends).partition(" [")
    return Item(number(value, places), None, f"[{interval[2]}" if interval[1] else "")
