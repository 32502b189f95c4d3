"""Numbers for readers: one precision for a column, and nothing that is not zero reads as zero."""

import math

import pytest

from noisegrid.reporting.page.numbers import count, decimals, number, probability, span, with_interval

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ([1.56, 1.07, 2.84], 2),
        ([93.2, 88.1, 0.5], 1),
        ([0.124, 0.5, 0.31], 3),
        ([1038.0, 28.0, 345.0], 0),
        ([0.0, NAN, INF], 0),  # no size is known
        ([1e-9], 4),  # never more than four
        ([0.0, 0.0, 2.5], 2),  # zeros do not decide
    ],
)
def test_the_median_number_of_a_column_has_three_digits(values, places):
    assert decimals(values) == places


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (1.556, 2, "1.56"),
        (-0.854, 2, "−0.85"),
        (31082.4, 0, "31,082"),
        (0.0, 2, "0.00"),
        (0.004, 2, "< 0.01"),
        (-0.004, 2, "> −0.01"),
        (0.4, 0, "< 1"),
        (NAN, 2, ""),
        (INF, 2, "∞"),
        (-INF, 2, "−∞"),
    ],
)
def test_a_number_that_is_not_zero_never_reads_as_zero(value, places, text):
    assert number(value, places) == text


def test_an_interval_stands_beside_its_value():
    assert with_interval(1.56, 1.07, 2.84, 2) == "1.56 [1.07, 2.84]"
    assert with_interval(1.56, NAN, NAN, 2) == "1.56"
    assert with_interval(NAN, NAN, NAN, 2) == ""
    assert span(0.8, 1.25, 1) == "0.8 to 1.2" and span(NAN, 1.0, 1) == ""


def test_counts_and_probabilities():
    assert count(3455.0) == "3,455"
    assert [probability(p) for p in (0.0004, 0.027, 1.0, NAN)] == ["< 0.001", "0.027", "1.000", ""]
