"""Figures 6 and 7 on timings made by hand: what is joined, on which scale, and in which colour."""

import itertools

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from noisegrid.overhead.session import COLUMNS
from noisegrid.reporting.figures_kernels import figure_7, operator
from noisegrid.reporting.figures_overhead import figure_6


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def timings(networks: dict[str, float], spread: float = 0.01, kernels: dict[str, dict] | None = None) -> pd.DataFrame:
    """Return timings of networks whose deterministic steps take this many times as long, in five processes.

    `kernels` maps each network to the times of its kernels by arm. `spread` is the difference between two processes.
    """
    rows = []
    for network, ratio in networks.items():
        here = {"hardware": "cpu", "network": network, "size_px": 32, "batch_size": 4, "device": "d", "versions": "v"}
        for (arm, against, factor), process in itertools.product(
            [("default", "", 1.0), ("deterministic", "default", ratio)], range(5)
        ):
            time = factor * (1 + spread * (process - 2) * (arm != "default"))
            one = here | {"arm": arm, "against": against, "process": process, "steps": 3, "block": 0}
            rows.append(one | {"measure": "step", "value": time})
        for arm, times in (kernels or {}).get(network, {}).items():
            rows += [
                here | {"arm": arm, "process": 0, "measure": "kernel", "kernel": name, "value": value}
                for name, value in times.items()
            ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    words = ["against", "kernel", "module", "note", "direction"]
    return frame.assign(**frame[words].astype(object).fillna(""))


def joins(figure: Figure) -> list[tuple[float, ...]]:
    """Return the ends of the lines without markers that join two kernel sizes."""
    lines = figure.axes[1].lines
    ends = [tuple(map(float, line.get_xdata())) for line in lines if line.get_marker() in ("None", None)]
    return [pair for pair in ends if pair != (0.0, 1.0)]  # the line at a ratio of 1 spans the panel


def test_figure_6_joins_only_points_that_can_be_told_apart():
    apart = {"mediumcnn_k1": 1.0, "mediumcnn_k3": 1.5, "mediumcnn_k5": 1.51, "mediumcnn_k7": 3.0}
    assert joins(figure_6(timings(apart))) == [(1.0, 3.0), (5.0, 7.0)]  # not from 3 to 5
    assert joins(figure_6(timings(apart, spread=0.4))) == []


def test_figure_6_has_one_scale():
    left, right = figure_6(timings({"smallcnn": 1.2, "mediumcnn_k1": 9.0, "mediumcnn_k3": 0.8})).axes
    assert left.get_xlim() == right.get_ylim() and left.get_xscale() == right.get_yscale() == "log"
    low, high = left.get_xlim()
    assert low < 0.8 and high > 9.0
    assert [tick.get_text() for tick in left.get_xticklabels()] == [tick.get_text() for tick in right.get_yticklabels()]
    assert next(tick.get_text() for tick in left.get_yticklabels()) == "Small CNN"


def test_figure_6_tells_what_was_measured_from_what_was_published():
    figure = figure_6(timings({"vgg16": 1.2, "mediumcnn_k1": 1.1, "mediumcnn_k3": 1.2}))
    left, right = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "CPU, measured here",
        "published in the paper, not measured here",
    ]
    rows = [tick.get_text() for tick in left.get_yticklabels()]
    assert rows[0] == "VGG-16" and all(row.startswith("paper: largest on ") for row in rows[1:])
    (ground,) = left.patches  # behind the paper's rows alone
    assert (ground.get_y(), ground.get_y() + ground.get_height()) == (0.5, len(rows) - 0.5)
    missing = left.get_xlabel().replace("\n", " ").partition("were not measured here: ")[2].split(", ")
    assert len(missing) == 9 and missing[0] == "VGG-19" and missing[-1] == "EfficientNet-B0"
    marked = {text.get_position()[0]: text.get_text() for text in right.texts}
    assert marked == {5: "not\nmeasured", 7: "not\nmeasured"}


def test_figure_7_has_one_colour_per_operator_and_one_scale():
    kernels = {
        "smallcnn": {
            "default": {"aten::mm": 1.0, "aten::relu": 3.0},
            "deterministic": {"aten::mm": 2.0, "aten::relu": 3.0},
        },
        "smallcnn_bn": {"default": {"aten::mm": 60.0, "aten::add": 20.0}, "deterministic": {"aten::fill_": 40.0}},
    }
    figure = figure_7(timings({"smallcnn": 1.3, "smallcnn_bn": 1.1}, kernels=kernels))
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim()
    looks = [
        {(bar.get_facecolor(), bar.get_hatch()): bar.get_width() for bar in axis.patches if bar.get_width() > 0}
        for axis in figure.axes
    ]
    legend = {
        text.get_text(): handle
        for text, handle in zip(figure.legends[0].get_texts(), figure.legends[0].legend_handles, strict=True)
    }
    mm = legend["aten::mm"].get_facecolor(), legend["aten::mm"].get_hatch()
    assert looks[0][mm] == pytest.approx(0.5)  # the last bar: 2 of the default arm's 4 ms
    assert looks[1][mm] == pytest.approx(0.75)  # 60 of 80 ms
    assert legend.keys() == {
        "aten::mm",
        "aten::relu",
        "aten::add (only default)",
        "aten::fill_ (only deterministic)",
        "others",
    }
    assert [text.get_text() for text in second.texts] == ["80 ms", "40 ms"]


def test_figure_7_tells_operators_with_long_names_apart():
    """Two names begin alike, and two differ in the middle alone."""
    flash = "aten::_scaled_dot_product_flash_attention_for_cpu"
    alike = [f"aten::operator_{'x' * 20}{middle}{'y' * 40}" for middle in "ab"]
    times = {name: 9.0 - place for place, name in enumerate([flash, f"{flash}_backward", *alike, "aten::mm"])}
    figure = figure_7(timings({"smallcnn": 1.1}, kernels={"smallcnn": {"default": times, "deterministic": times}}))
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    short = ["aten::_scaled_…oduct_flash_attention_for_cpu", "aten::_scaled_…sh_attention_for_cpu_backward"]
    assert named == [*short, *alike, "aten::mm", "others"]


def test_figure_7_names_the_networks_that_it_leaves_out():
    kernels = {"default": {"aten::mm": 1.0}, "deterministic": {"aten::mm": 1.0}}
    networks = {"smallcnn": 1.4, "smallcnn_bn": 1.3, "resnet18": 1.25, "resnet50": 0.98, "vgg16": 1.2, "vgg19": 1.1}
    figure = figure_7(timings(networks, kernels=dict.fromkeys(networks, kernels)))
    texts = [text.get_text() for text in figure.texts]
    said = "Timed, but not among the 4 with the largest overhead: VGG-19 on CPU (1.10), ResNet-50 on CPU (0.98)."
    assert any(said in text.replace("\n", " ") for text in texts), texts
    four = timings(dict(list(networks.items())[:3]), kernels=dict.fromkeys(networks, kernels))
    assert not any("not among" in text.get_text() for text in figure_7(four).texts)


@pytest.mark.parametrize(
    ("kernel", "name"),
    [
        ("void at::native::elementwise_kernel<4, at::f<int>>(int, float)", "elementwise_kernel"),
        ("aten::convolution_backward", "aten::convolution_backward"),
        ("sm80_xmma_fprop_implicit_gemm", "sm80_xmma_fprop_implicit_gemm"),
    ],
)
def test_names_of_operators(kernel, name):
    assert operator(kernel) == name
