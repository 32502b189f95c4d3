"""A figure whose data a study lacks says what it requires, and all others are drawn."""

import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from conftest import ROOT
from factories import metrics_frame

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting import figures, registry


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("name", "noise", "why"),
    [
        ("figure_1", ("order",), "this figure requires cells with one of these noises: algo_impl, algo, impl, control"),
        ("figure_3", ("control",), "figure_3 requires a task with classes"),
        ("figure_5", ("control",), "this figure requires cells with one of these noises"),
        ("figure_8", ("algo", "control"), "this figure requires cells with one of these noises"),
        ("figure_sources", ("control",), "this figure requires cells with one of these noises"),
        ("figure_2", ("algo",), "figure_2 requires a task with and without batch norm under the same noise"),
    ],
)
def test_a_figure_without_data_says_what_it_requires(name, noise, why):
    frame = metrics_frame(("smallcnn-digits",), noise)
    with pytest.raises(NoisegridError, match=re.escape(why)):
        registry.FIGURES[name].make(frame)


def test_every_figure_that_any_data_allow_is_drawn(tmp_path):
    """Of a study with one noise, and of timings without a deterministic arm; each other figure has a reason."""
    metrics_frame(("smallcnn-digits",), ("init", "control")).to_csv(tmp_path / "metrics.csv", index=False)
    timed = pd.read_csv(ROOT / "docs/results/quick/overhead.csv", dtype=str)
    timed[timed["arm"] == "default"].to_csv(tmp_path / "overhead.csv", index=False)
    why = figures.draw_possible(tmp_path / "metrics.csv", tmp_path / "overhead.csv", tmp_path / "drawn")
    drawn = {path.name.partition(".")[0] for path in (tmp_path / "drawn").iterdir()}
    assert {"figure_overview", "figure_sources", "figure_6", "figure_7"} <= drawn
    assert len(drawn) + len(why) == len(registry.FIGURES)
