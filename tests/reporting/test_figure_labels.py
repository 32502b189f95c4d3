"""No label of any figure covers another one or leaves the figure, with 1, 5 or 40 cells, on a page or a phone."""

import itertools
import math
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from factories import crossed_frame, metrics_frame
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

from noisegrid.common.schemas import catalog
from noisegrid.overhead.session import COLUMNS as OVERHEAD_COLUMNS
from noisegrid.reporting import figure_style, registry

#: Tasks with long titles, then all others of the catalog, and tasks of a user's own.
TASKS = tuple(
    dict.fromkeys(
        ["smallcnn_bn-fashion_mnist", "table_mlp-census_income", "smallcnn_dropout-digits", *catalog("tasks")]
        + [f"my_own_network-my_own_dataset_{number}" for number in range(20)]
    )
)
PAPER = ("algo_impl", "algo", "impl", "control")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(figure: Figure) -> list[Text]:
    """Return all texts that are drawn, with those of ticks that lie inside their axis."""
    found = list(figure.texts)
    for legend in figure.legends:
        found += legend.get_texts()
    for axes in figure.axes:
        found += [axes.title, axes._left_title, *axes.texts, axes.xaxis.label, axes.yaxis.label]
        found += [*ticks(axes, axes.xaxis), *ticks(axes, axes.yaxis)] if axes.axison else []
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def ticks(axes: Axes, axis: Axis) -> Iterator[Text]:
    low, high = sorted(axes.get_xlim() if axis is axes.xaxis else axes.get_ylim())
    yield from (tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high)


def overlaps(figure: Figure) -> list[tuple[str, ...]]:
    """Return the pairs of texts whose boxes overlap, and the texts that leave the figure."""
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    found: list[tuple[str, ...]] = []
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        width = min(first.x1, second.x1) - max(first.x0, second.x0)
        height = min(first.y1, second.y1) - max(first.y0, second.y0)
        if width > 0.5 and height > 0.5:
            found.append((one, other))
    page = figure.bbox
    out = [text for text, box in boxes if box.x0 < -1 or box.y0 < -1 or box.x1 > page.x1 + 1 or box.y1 > page.y1 + 1]
    return found + [(text,) for text in out]


def cells_of(count: int, noise: tuple[str, ...], hardware: tuple[str, ...] = ("cpu",)) -> pd.DataFrame:
    """Return metrics of so many cells, with realistic values of L2 and ten classes."""
    tasks = TASKS[: math.ceil(count / len(noise) / len(hardware))]
    parts = [metrics_frame(tasks, noise).assign(hardware=name) for name in hardware]
    frame = pd.concat(parts, ignore_index=True)
    cells = frame[["hardware", "task", "noise"]].drop_duplicates()
    frame = frame.merge(cells.iloc[:count], on=["hardware", "task", "noise"])
    frame["noise"] = frame["noise"].astype(metrics_frame().noise.dtype)
    l2 = frame["metric"] == "l2_unit"
    frame.loc[l2, ["value", "low", "high"]] /= frame.loc[l2, "high"].max() / 1.4
    ratio = frame[(frame["metric"] == "class_std_ratio") & (frame["group"] == "class 0")]
    classes = [ratio.assign(group=f"class {number}") for number in range(10)]
    return pd.concat([frame[frame["metric"] != "class_std_ratio"], *classes], ignore_index=True)


def batch_norm(count: int) -> pd.DataFrame:
    """Return metrics of so many cells, half of them with batch norm."""
    frame = cells_of(max(1, count // 2), PAPER)
    twins = frame.assign(without_batch_norm=frame["task"], task=frame["task"] + "-bn")
    return pd.concat([frame, twins], ignore_index=True)


def groups(count: int) -> pd.DataFrame:
    base = cells_of(count, PAPER[:3])
    base = base[base["metric"] == "churn"]
    names = ("all", "female", "male", "American Indian, Aleut or Eskimo")
    kinds = ("accuracy_std", "fpr_std", "fnr_std", "positives", "negatives")
    parts = [base.assign(metric=f"group_{kind}", group=name, value=12345.0) for kind in kinds for name in names]
    return pd.concat(parts, ignore_index=True)


def across(count: int) -> pd.DataFrame:
    frame = cells_of(count, PAPER, ("cpu", "cpu@torch2.7-cu126"))
    pairs = frame[frame["metric"].isin(["churn", "l2_unit"]) & (frame["hardware"] == "cpu")].assign(
        hardware="cpu × cpu@torch2.7-cu126"
    )
    return pd.concat([frame, pairs.assign(metric=pairs["metric"] + "_across_hardware")], ignore_index=True)


def epochs(count: int) -> pd.DataFrame:
    base = cells_of(count, PAPER)
    base = base[base["metric"] == "churn"]
    names = itertools.product(("epoch_accuracy_std", "epoch_churn"), range(1, 13))
    return pd.concat([base.assign(metric=name, group=f"epoch {n}") for name, n in names], ignore_index=True)


def crossed(count: int) -> pd.DataFrame:
    cell = crossed_frame({"init": 60.0, "order": 5.0, "init × order × augment": 35.0}, {"init": 95.0, "order": 40.0})
    return pd.concat([cell.assign(task=task) for task in TASKS[:count]], ignore_index=True)


def overhead(count: int) -> pd.DataFrame:
    """Return timings of so many networks, with 12 kernels each."""
    arms, hardware = (("default", ""), ("deterministic", "default")), ("cpu", "rtx5000_amp")
    cells = itertools.islice(itertools.product(catalog("networks"), hardware), count)
    rows = []
    for number, (network, name) in enumerate(cells):
        here = {"hardware": name, "network": network, "size_px": 32, "batch_size": 4, "device": "d", "versions": "v"}
        for (arm, against), process in itertools.product(arms, range(3)):
            one = here | {"arm": arm, "against": against, "process": process, "steps": 3, "block": 0}
            value = 1.0 + (arm != "default") * (number % 3 + 0.1 * process)
            rows.append(one | {"measure": "step", "value": value})
            kernel = f"void at::native::elementwise_kernel_{number % 2}_number"
            rows += [one | {"measure": "kernel", "kernel": f"{kernel}_{k}<f>", "value": value} for k in range(12)]
    frame = pd.DataFrame(rows, columns=list(OVERHEAD_COLUMNS))
    words = ["against", "kernel", "module", "note", "direction"]
    return frame.assign(**frame[words].astype(object).fillna(""))


FRAMES = {
    "figure_overview": lambda count: cells_of(count, ("algo_impl", "algo", "impl", "cudnn_deterministic", "control")),
    "figure_1": lambda count: cells_of(count, PAPER),
    "figure_2": batch_norm,
    "figure_3": lambda count: cells_of(count, PAPER[:3]),
    "figure_4": groups,
    "figure_5": lambda count: cells_of(count, PAPER[:3], ("cpu", "cpu_sse41")),
    "figure_6": overhead,
    "figure_7": overhead,
    "figure_8": lambda count: cells_of(count, ("order", "algo", "in_batch_order")),
    "figure_across": across,
    "figure_sources": lambda count: cells_of(
        count, ("algo_impl", "algo", "impl", "init", "order", "cudnn_deterministic")
    ),
    "figure_epochs": epochs,
    "figure_components": crossed,
}


def test_every_figure_is_here():
    assert FRAMES.keys() == registry.FIGURES.keys()


@pytest.mark.parametrize(("count", "screen"), [(1, "narrow"), (5, "wide"), (5, "narrow"), (40, "wide")])
@pytest.mark.parametrize("name", FRAMES)
def test_no_label_covers_another_one(name, count, screen):
    with figure_style.drawn(screen=screen):
        figure = registry.FIGURES[name].make(FRAMES[name](count))
        assert len(texts(figure)) >= 5 and overlaps(figure) == []


def test_overlaps_are_found():
    figure = plt.figure(figsize=(4, 4))
    figure.text(0.5, 0.5, "one")
    figure.text(0.52, 0.5, "two")
    figure.text(0.5, 0.8, "apart")
    figure.text(0.98, 0.2, "outside")
    axes = figure.add_axes((0.1, 0.1, 0.2, 0.2))
    axes.set_xticks([0, 0.01, 2], ["a", "b", "not drawn"])
    axes.set_xlim(0, 1)
    axes.set_yticks([])
    assert overlaps(figure) == [("one", "two"), ("a", "b"), ("outside",)]


def test_a_phone_shows_text_of_nine_pixels():
    """A narrow figure is 390 pixels wide, so a point is 390 / (3.9 × 72) pixels."""
    with figure_style.drawn(screen="narrow"):
        figure = registry.FIGURES["figure_1"].make(FRAMES["figure_1"](5))
        assert figure.get_figwidth() == pytest.approx(3.9)
        assert min(text.get_fontsize() for text in texts(figure)) * 390 / (3.9 * 72) >= 9
        assert np.ptp([axes.get_position().x0 for axes in figure.axes]) < 0.01  # panels below each other
