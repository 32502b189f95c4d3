"""The explorer: a chart whose points are runs, for the hardware, task, noise and metric that a reader picks."""

import re
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from noisegrid.reporting.page.headings import metric_title
from noisegrid.reporting.titles import hardware_title, noise_title, task_title
from noisegrid.study.sources import NAMES, NOISES

#: The group of a row about one run.
RUN = re.compile(r"replicate (\d+)")
#: The metric with the mean of a metric over runs, if its name is not that of the metric and `_mean`.
MEANS = {"run_churn": "churn"}
ALL = "all"
#: Where points of a row lie, from 0 to 1, so that equal values can be told apart: multiples of the golden ratio spread.
SPREAD = 0.6180339887
HEIGHT_OF_ROW = 34


def explorer(frame: pd.DataFrame) -> dict[str, Any] | None:
    """Return the chart as a Vega specification; None if metrics.csv has no rows about runs.

    It is compiled from Vega-Lite here and not in the page, whose console therefore stays empty.
    """
    runs = _runs(frame)
    if runs.empty:
        return None
    means = _means(frame, set(runs["metric"]))
    picks = {
        "hardware": _pick("hardware", runs["hardware"], hardware_title),
        "task": _pick("task", runs["task"], task_title),
        "noise": _pick("noise", _in_order(runs["noise"]), noise_title, everything="all noises"),
        "metric": _pick("metric", runs["metric"], metric_title),
    }
    titles = [noise_title(noise) for noise in _in_order(runs["noise"])]
    row = alt.Y("title:N", sort=titles, title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=8))
    value = alt.X("value:Q", scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(title=None, tickCount=6))
    colour = alt.Color("title:N", scale=alt.Scale(domain=titles, range=_colours(runs)), legend=None)
    tooltip = [
        alt.Tooltip("run:Q", title="replicate"),
        alt.Tooltip("value:Q", title="value", format=".4~r"),
        alt.Tooltip("title:N", title="free"),
        alt.Tooltip("unit:N", title="unit"),
    ]
    points = (
        alt.Chart(runs)
        .mark_circle(size=64, opacity=0.65)
        .encode(
            x=value, y=row, color=colour, tooltip=tooltip,
            yOffset=alt.YOffset("place:Q", scale=alt.Scale(domain=[-0.35, 1.35])),
        )
    )  # fmt: skip
    spans = alt.Chart(means).mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2="high:Q", y=row, color=colour)
    ticks = (
        alt.Chart(means)
        .mark_point(shape="diamond", filled=True, size=90, opacity=1)
        .encode(x=alt.X("value:Q"), y=row, color=colour)
    )
    chart = alt.layer(*(_filtered(layer, picks) for layer in (points, spans, ticks)))
    chart = chart.add_params(*picks.values()).properties(width="container", height=alt.Step(HEIGHT_OF_ROW))
    specification = chart.configure_view(stroke=None).to_dict()
    font = {"labelFontSize": 13, "labelFont": "system-ui, sans-serif"}
    specification["config"] |= {"background": "transparent", "axis": font, "axisY": {"labelLimit": 240}}
    return vl_convert.vegalite_to_vega(specification)


def _runs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of metrics.csv about runs, with the number of the run and where its point lies in its row."""
    number = frame["group"].str.extract(f"^{RUN.pattern}$", expand=False)
    rows = frame[number.notna() & frame["value"].notna()]
    runs = rows[["hardware", "task", "metric", "unit", "value"]].assign(
        noise=rows["noise"].astype(str), run=number[rows.index].astype(int)
    )
    return _titled(runs).assign(place=(runs["run"] * SPREAD) % 1)


def _means(frame: pd.DataFrame, metrics: set[str]) -> pd.DataFrame:
    """Return the means over runs with their intervals, under the names of the metrics of runs."""
    of = {MEANS.get(metric, f"{metric}_mean"): metric for metric in metrics}
    rows = frame[frame["metric"].isin(of) & (frame["group"] == "all")]
    means = rows[["hardware", "task", "value", "low", "high"]].assign(
        noise=rows["noise"].astype(str), metric=rows["metric"].map(of)
    )
    return _titled(means.dropna(subset=["low"]))


def _titled(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(title=[noise_title(noise) for noise in rows["noise"]])


def _in_order(noises: pd.Series) -> list[str]:
    return [name for name in NAMES if (noises == name).any()]


def _colours(runs: pd.DataFrame) -> list[str]:
    """Return the colours of the noises; black is the colour of the page's text, which is light on a dark page."""
    colours = [NOISES[name].colour if name in NOISES else "#000000" for name in _in_order(runs["noise"])]
    return ["currentColor" if colour == "#000000" else colour for colour in colours]


def _pick(name: str, values: Any, title: Any, everything: str = "") -> alt.Parameter:
    """Return a parameter that a reader picks from a list."""
    options = list(dict.fromkeys(map(str, values)))
    labels = [title(option) for option in options]
    if everything and len(options) > 1:
        options, labels = [ALL, *options], [everything, *labels]
    bind = alt.binding_select(options=options, labels=labels, name=name)
    return alt.param(f"picked_{name}", value=options[0], bind=bind)


def _filtered(chart: alt.Chart, picks: dict[str, alt.Parameter]) -> alt.Chart:
    for name, pick in picks.items():
        matches = f"datum.{name} === {pick.name}"
        chart = chart.transform_filter(f"{matches} || {pick.name} === '{ALL}'" if name == "noise" else matches)
    return chart
