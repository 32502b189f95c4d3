"""What is drawn can be told apart on light and dark pages and in grey print, and files are always the same."""

import itertools

import matplotlib.pyplot as plt
import pytest
from factories import metrics_frame
from matplotlib.colors import to_rgb
from matplotlib.markers import MarkerStyle

from noisegrid.reporting import figure_style, figures
from noisegrid.reporting.figure_style import COLOURS, HATCHES, PAGE, contrast, look, noise_style, readable
from noisegrid.reporting.figures import SUFFIXES, draw_all
from noisegrid.reporting.registry import FIGURE_SUFFIXES, FIGURES
from noisegrid.study.sources import NOISES


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)  # the usual example of a near miss
    assert contrast("#0072B2", "#0072B2") == 1


@pytest.mark.parametrize("page", PAGE)
def test_every_mark_and_text_stands_out_from_the_page(page):
    with figure_style.drawn(page):
        marks = [noise_style(noise)[0] for noise in NOISES] + [readable(colour) for colour in COLOURS]
        assert min(contrast(colour, look().page) for colour in marks) >= 3
        assert min(contrast(colour, look().page) for colour in (look().text, look().muted)) >= 4.5
        assert len(set(marks[: len(NOISES)])) == len(NOISES)
        assert plt.rcParams["figure.facecolor"] == look().page
    assert look() == figure_style.LIGHT and plt.rcParams["figure.facecolor"] == "#FFFFFF"


def test_colours_change_only_where_they_must():
    assert readable("#0072B2") == "#0072b2"  # 5.2 to 1 on white
    with figure_style.drawn("dark"):
        assert noise_style("algo_impl")[0] == look().text  # black would not be seen
        assert to_rgb(noise_style("algo")[0])[2] > to_rgb("#0072B2")[2]  # lighter


def test_noises_differ_in_grey_print():
    markers = [noise.marker for noise in NOISES.values()]
    assert len(set(markers)) == len(NOISES)
    assert [name for name, noise in NOISES.items() if not MarkerStyle(noise.marker).is_filled()] == ["control"]


def test_operators_differ_in_grey_print():
    """So many operators have a pair of colour and hatch of their own, and neighbours differ in the hatch."""
    assert len({(COLOURS[n % len(COLOURS)], HATCHES[n % len(HATCHES)]) for n in range(28)}) == 28
    assert all(HATCHES[n % len(HATCHES)] != HATCHES[(n + 1) % len(HATCHES)] for n in range(28))


def test_the_same_data_give_the_same_bytes(tmp_path):
    frame = metrics_frame()
    frame.to_csv(tmp_path / "metrics.csv", index=False)
    for place, page in (("first", "light"), ("second", "light"), ("dark", "dark")):
        draw_all(["figure_1"], tmp_path / "metrics.csv", None, tmp_path / place, page)
    for suffix in FIGURE_SUFFIXES:
        first, second, dark = (
            (tmp_path / place / f"figure_1.{suffix}").read_bytes() for place in ("first", "second", "dark")
        )
        assert first == second and first != dark, suffix
    assert {path.name for path in (tmp_path / "first").iterdir()} == {f"figure_1.{end}" for end in FIGURE_SUFFIXES}
    text = (tmp_path / "first/figure_1.svg").read_text()
    assert "control (nothing free)" in text and "dc:date" not in text  # text stays text
    assert 'width="280.8pt"' in (tmp_path / "first/figure_1.narrow.svg").read_text()  # 3.9 inches


def test_without_names_what_the_data_allow_is_drawn(tmp_path, monkeypatch):
    few = {name: FIGURES[name] for name in ("figure_1", "figure_4", "figure_6")}
    monkeypatch.setattr(figures, "FIGURES", few)
    metrics_frame().to_csv(tmp_path / "metrics.csv", index=False)
    assert figures.draw_possible(tmp_path / "metrics.csv", None, tmp_path / "out") == [
        "figure_4 requires a task with sub-groups, e.g. resnet18-celeba",
        "figure_6 is drawn from overhead.csv; name it with --overhead",
    ]
    assert {path.name.partition(".")[0] for path in (tmp_path / "out").iterdir()} == {"figure_1"}


def test_the_registry_knows_every_format():
    assert tuple(itertools.chain(*SUFFIXES.values())) == FIGURE_SUFFIXES
