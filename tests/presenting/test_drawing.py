"""Scales, ticks and marks: right places, round numbers, and no mark hidden behind another."""

import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.presenting import drawing
from noisegrid.presenting.drawing import Scale, Tick, scale_over, stacked
from noisegrid.stats.intervals import Estimate

#: Numbers of every size that a metric may have.
NUMBERS = st.floats(-1e12, 1e12) | st.floats(-1e-6, 1e-6) | st.floats(-1e250, 1e250)


def test_a_scale_has_a_margin_and_places_values_between_its_ends():
    scale = scale_over([0, 10], left=20, right=80)
    assert (scale.low, scale.high) == (-0.5, 10.5)
    assert [scale.at(value) for value in (-0.5, 5, 10.5)] == [20, 50, 80]


def test_ticks_by_hand():
    assert Scale(-0.5, 10.5).ticks() == [Tick(2.0 * n, str(2 * n), wide=False) for n in range(6)]
    assert [tick.label for tick in Scale(-0.011, 0.012).ticks()] == ["−0.010", "−0.005", "0.000", "0.005", "0.010"]
    tiny = Scale(1.9e-7, 2.11e-7)
    assert tiny.power == -7 and [tick.label for tick in tiny.ticks()] == ["1.90", "1.95", "2.00", "2.05", "2.10"]


def test_a_narrow_screen_shows_0_and_every_second_tick_if_the_labels_are_long():
    assert [(tick.label, tick.wide) for tick in Scale(-0.0011, 0.0031).ticks()] == [
        ("−0.001", True), ("0.000", False), ("0.001", True), ("0.002", False), ("0.003", True),
    ]  # fmt: skip
    assert [(tick.label, tick.wide) for tick in Scale(100.001, 100.0035).ticks()] == [
        ("100.001", False), ("100.002", True), ("100.003", False),
    ]  # fmt: skip


@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_ticks_are_round_in_order_few_and_on_the_scale(values):
    scale = scale_over(values)
    if scale is None:
        assert max(map(abs, values)) > 1e200
        return
    assert scale.low < min(values) <= max(values) < scale.high
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= drawing.TICKS and any(not tick.wide for tick in ticks)
    assert all(one.value < other.value for one, other in pairwise(ticks))
    assert len({tick.label for tick in ticks}) == len(ticks)
    width = scale.high - scale.low
    for value, label, _ in ticks:
        assert scale.low - 1e-9 * width <= value <= scale.high + 1e-9 * width
        shown = float(label.replace("−", "-")) * 10.0**scale.power
        assert shown == pytest.approx(value, rel=1e-9, abs=1e-9 * width)


def test_a_scale_over_nothing_finite_is_none():
    assert scale_over([]) is None and scale_over([math.nan]) is None and scale_over([0, math.inf]) is None
    assert scale_over([-1e308, 1e308]) is None
    assert scale_over([7, 7]) is not None


def test_marks_at_the_same_place_are_moved_aside():
    assert stacked([3, 3, 3, 3], apart=1) == [0, 1, -1, 2]
    assert stacked([0, 2, 4], apart=2) == [0, 0, 0]
    assert stacked([4, 0.5, 0], apart=1) == [0, 1, 0]


@given(st.lists(st.floats(0, 100), max_size=40), st.floats(0.5, 10))
def test_marks_of_one_level_do_not_cover_each_other(places, apart):
    most = 40
    moved = stacked(places, apart, most)
    for level in set(moved):
        row = sorted(place for place, at in zip(places, moved, strict=True) if at == level)
        assert all(other - one >= apart for one, other in pairwise(row))


def test_more_marks_than_levels_overlap_instead_of_growing():
    assert set(stacked([1.0] * 100, apart=1)) == set(range(-3, 4))


def test_an_estimate_is_drawn_where_the_scale_says():
    scale = Scale(0, 10)
    drawn = ElementTree.fromstring(f"<svg>{drawing.estimate(scale, Estimate(5, 2, 9), '50%', 5, 'mean')}</svg>")
    line, low, high, mark = drawn
    assert (line.get("x1"), line.get("x2")) == ("20.00%", "90.00%")
    assert (low.get("x"), high.get("x")) == ("20.00%", "90.00%")
    assert mark.tag == "circle" and mark.get("cx") == "50.00%"


def test_an_estimate_without_an_interval_is_a_mark_alone():
    drawn = drawing.estimate(Scale(0, 10), Estimate(5, math.nan, math.nan), 0, 5, "mean", drawing.DIAMOND)
    assert "<line" not in drawn and drawn.count("<path") == 1


def test_attributes_and_words_are_escaped():
    drawn = drawing.words('<b>&"', 1, 2, kind='a"b')
    assert drawn == '<text x="1.00%" y="2" class="a&quot;b">&lt;b&gt;&amp;&quot;</text>'
    assert '<title id="a-title">&lt;</title><desc id="a-desc">&gt;</desc>' in drawing.picture("a", "<", ">", 9)
