"""Every figure on hand-made metrics: what is drawn is where its number says, in the panel of its metric."""

import itertools
from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from factories import cells, crossed_frame, metrics_frame, study, value_of, write_study
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting import figures_classes, figures_components, figures_epochs, figures_noise, registry
from noisegrid.reporting.figures_hardware import figure_across
from noisegrid.study.resolve import load_study

PANELS = ("accuracy_std", "churn", "l2_unit")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def drawn(figure: Figure, panel: int) -> list[float]:
    """Return the x positions of the markers in a panel, in the order of drawing."""
    lines = [line for line in figure.axes[panel].lines if line.get_marker() not in ("None", None, "")]
    return [float(x) for line in lines for x in np.atleast_1d(line.get_xdata())]


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("figure_1", ("algo_impl", "algo", "impl", "control")),
        ("figure_5", ("algo_impl", "algo", "impl")),
        ("figure_8", ("algo", "order", "in_batch_order")),
        ("figure_sources", ("algo_impl", "algo", "impl", "init", "order")),
    ],
)
def test_measures_by_task(name, noise):
    frame = metrics_frame(noise=noise)
    figure = registry.FIGURES[name].make(frame)
    for panel, metric in enumerate(PANELS):
        assert sorted(set(drawn(figure, panel))) == sorted({value_of(frame, n, metric) for n in noise}), metric


def test_figure_2_has_both_networks():
    frame = metrics_frame(("net-data", "net_bn-data"))
    figure = figures_noise.figure_2(frame)
    for panel, metric in enumerate(PANELS):
        rows = frame[(frame["metric"] == metric) & (frame["group"] == "all")]
        assert sorted(set(drawn(figure, panel))) == sorted(set(rows["value"])), metric
    with pytest.raises(NoisegridError, match="with and without batch norm"):
        figures_noise.figure_2(metrics_frame())


@pytest.mark.parametrize("name", ["figure_1", "figure_2", "figure_5", "figure_sources"])
def test_every_panel_of_l2_has_a_labelled_line_for_unrelated_weights(name):
    figure = registry.FIGURES[name].make(metrics_frame(("net-data", "net_bn-data")))
    for axis, metric in zip(figure.axes, PANELS, strict=True):
        lines = [line for line in axis.lines if list(line.get_xdata()) == pytest.approx([2**0.5] * 2)]
        labels = [text.get_text() for text in axis.texts if "√2" in text.get_text()]
        assert (len(lines), labels) == ((1, ["√2: unrelated"]) if metric == "l2_unit" else (0, [])), metric


def test_every_null_has_its_band():
    frame = metrics_frame(("net-data", "net_bn-data"))
    null = frame[frame["metric"].isin(PANELS) & (frame["group"] == "all") & (frame["null_high"] > 0)]
    for name in ("figure_1", "figure_2", "figure_sources"):
        shown = null[null["noise"] != "control"] if name == "figure_sources" else null
        for axis, metric in zip(registry.FIGURES[name].make(frame).axes, PANELS, strict=True):
            bars = [patch for patch in axis.patches if isinstance(patch, Rectangle)]
            bands = sorted(bar.get_x() for bar in bars if bar.get_width() == 1 and bar.get_x() > 0)
            assert bands == sorted(shown.loc[shown["metric"] == metric, "null_low"]), (name, metric)


def test_figure_3_has_one_scale_and_names_classes():
    frame = metrics_frame(("smallcnn-fashion_mnist", "smallcnn-digits"), ("algo_impl", "algo"))
    axes = figures_classes.figure_3(frame).axes
    assert len(axes) == 4 and len({axis.get_ylim() for axis in axes}) == 1
    names = [[tick.get_text() for tick in axis.get_xticklabels()] for axis in axes]
    assert names == [["T-shirt/top", "trouser", "pullover"]] * 2 + [["0", "1", "2"]] * 2
    assert [axis.get_xlabel() for axis in axes] == ["", "", "digit", "digit"]
    assert [axis.get_title(loc="left") for axis in axes[::2]] == ["Small CNN on Fashion-MNIST", "Small CNN on digits"]


def test_figure_3_says_why_a_panel_is_empty():
    frame = metrics_frame(("net-data", "net_2-data"), ("algo_impl", "impl"))
    ratio = frame["metric"] == "class_std_ratio"
    first = frame["task"] == "net-data"
    frame.loc[ratio & first & (frame["noise"] == "impl"), "value"] = np.nan
    frame = frame[~(ratio & ~first & (frame["noise"] == "impl"))]
    axes = figures_classes.figure_3(frame).axes
    titles = ("everything", "implementation")
    said = [[text.get_text() for text in axis.texts if text.get_text() not in titles] for axis in axes]
    assert said == [[], ["no ratio: the overall std is 0"], [], ["not measured in this study"]]


def test_figure_3_shows_every_class_of_every_noise():
    frame = metrics_frame()
    figure = figures_classes.figure_3(frame)
    for axis, noise in zip(figure.axes, ("algo_impl", "algo", "impl"), strict=True):
        heights = {float(y) for line in axis.lines for y in np.atleast_1d(line.get_ydata())}
        heights |= {float(y) for part in axis.collections for _, y in np.asarray(part.get_offsets()).reshape(-1, 2)}
        assert {value_of(frame, noise, "class_std_ratio", group=f"class {k}") for k in range(3)} <= heights, noise


def test_figure_4_shows_every_rate_of_every_group():
    base = metrics_frame(noise=("algo_impl",)).iloc[0]
    metrics = [f"group_{rate}_std" for rate in ("accuracy", "fpr", "fnr")]
    rows = [
        base.to_dict() | {"metric": metric, "group": group, "value": 10.0 * (1 + number), "low": np.nan, "high": np.nan}
        for number, (metric, group) in enumerate(itertools.product(metrics, ("all", "young", "old")))
    ]
    rows += [
        base.to_dict() | {"metric": f"group_{kind}", "group": group, "value": 5.0}
        for kind, group in itertools.product(("positives", "negatives"), ("all", "young", "old"))
    ]
    figure = figures_classes.figure_4(pd.DataFrame(rows))
    assert [drawn(figure, panel) for panel in range(3)] == [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
    # the same groups on a second device are rows of their own
    both = pd.concat([pd.DataFrame(rows), pd.DataFrame(rows).assign(hardware="gpu", value=lambda t: t["value"] + 1)])
    figure = figures_classes.figure_4(both)
    assert [drawn(figure, panel) for panel in range(3)] == [
        [10, 20, 30, 11, 21, 31],
        [40, 50, 60, 41, 51, 61],
        [70, 80, 90, 71, 81, 91],
    ]
    assert [text.get_text() for text in figure.axes[0].texts] == ["net-data, CPU", "net-data, gpu"]  # headers
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == [
        f"{group} ({n} + / {n} −)" for n in (5, 6) for group in ("all", "young", "old")
    ]
    with pytest.raises(NoisegridError, match="sub-groups"):
        figures_classes.figure_4(metrics_frame())


def test_figure_across_shows_within_and_between():
    frame = metrics_frame(noise=("algo",))
    across = frame[frame["metric"].isin(["churn", "l2_unit"])].assign(hardware="cpu × other", value=7.0)
    both = pd.concat([frame, across.assign(metric=across["metric"] + "_across_hardware")])
    figure = figure_across(both)
    assert set(drawn(figure, 0)) == {value_of(frame, "algo", "churn"), 7.0}
    assert set(drawn(figure, 1)) == {value_of(frame, "algo", "l2_unit"), 7.0}
    with pytest.raises(NoisegridError, match="more than one kind of hardware"):
        figure_across(frame)


def test_figure_components_draws_every_share():
    frame = crossed_frame({"init": 60.0, "order": -5.0, "init × order": 45.0}, {"init": 105.0, "order": 40.0})
    figure = figures_components.figure_components(frame)
    assert drawn(figure, 0) == drawn(figure, 1) == [60.0, 100.0, 0.0, 40.0, 45.0]  # shown inside 0 to 100 %
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert labels == ["initial weights", "data order", "initial weights × data order"]
    with pytest.raises(NoisegridError, match="requires a crossed cell"):
        figures_components.figure_components(metrics_frame())


def test_figure_components_shows_rows_without_numbers_if_a_replicate_is_lost():
    nothing = float("nan")
    frame = crossed_frame({"init": nothing, "order": nothing, "init × order": nothing}, {"init": nothing})
    assert np.isnan(drawn(figures_components.figure_components(frame), 0)).all()


def test_figure_epochs_draws_every_epoch_of_every_noise():
    more = [
        row | {"metric": metric, "group": f"epoch {epoch}", "value": value / epoch, "low": 0.0, "high": value}
        for row in metrics_frame().drop_duplicates("noise").to_dict("records")
        for metric, value in (("epoch_accuracy_std", 2.0), ("epoch_churn", 30.0))
        for epoch in (1, 2, 3)
    ]
    figure = figures_epochs.figure_epochs(pd.DataFrame(more))
    for axis, first in zip(figure.axes, (2.0, 30.0), strict=True):
        curves = [list(line.get_ydata()) for line in axis.lines if len(line.get_xdata()) == 3]
        assert curves == [pytest.approx([first, first / 2, first / 3])] * 4  # one for each noise
    assert figure.axes[0].get_xlabel() == "epoch" and "Bars: 95 % intervals" in figure.get_supxlabel()
    with pytest.raises(NoisegridError, match="requires a study that keeps `epochs`"):
        figures_epochs.figure_epochs(metrics_frame())


def test_every_figure_has_a_test_and_a_function():
    """Figures 6 and 7 are drawn from overhead.csv (test_figures_overhead.py)."""
    tested = {"figure_1", "figure_2", "figure_3", "figure_4", "figure_5", "figure_8"}
    tested |= {"figure_across", "figure_sources", "figure_components", "figure_epochs", "figure_overview"}
    assert set(registry.FIGURES) == tested | {"figure_6", "figure_7"}
    captions = {path.stem for path in (ROOT / "workflow/report/figures").glob("*.rst") if path.read_text().strip()}
    assert captions == set(registry.FIGURES) and all(entry.caption for entry in registry.TABLES.values())
    for entry in [*registry.FIGURES.values(), *registry.TABLES.values()]:
        module, _, function = entry.function.partition(":")
        assert callable(getattr(import_module(f"noisegrid.reporting.{module}"), function))


def test_hardware_is_compared_where_the_seeds_are_the_same(tmp_path):
    blocks = [cells(hardware=name, replicates=n) for name, n in (("cpu", 10), ("cpu_sse41", 5))]

    def applies(*blocks: dict) -> bool:
        made = load_study(str(write_study(tmp_path, study(*blocks))))
        return "figure_across" in registry.names_for(made, registry.FIGURES)

    assert applies(*blocks)  # algo holds no seeds
    held = [block | {"noise": ["impl", "control"]} for block in blocks]
    assert not applies(*held)
    assert applies(held[0] | {"seed_sets": 1}, held[1])


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("quick", {"figure_4", "figure_5", "figure_across", "figure_epochs"}),
        ("paper", {"figure_8", "figure_sources", "figure_components", "figure_epochs"}),
    ],
)
def test_a_study_draws_what_its_cells_can_fill(name, missing):
    assert set(registry.FIGURES) - set(registry.names_for(load_study(name), registry.FIGURES)) == missing
