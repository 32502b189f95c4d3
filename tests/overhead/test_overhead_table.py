"""What the table of one network says below its lines: verdicts, disturbed blocks, and what a ratio is."""

import math

import pytest

from noisegrid.overhead.conditions import disturbance
from noisegrid.overhead.processes import Timed
from noisegrid.overhead.table import summary, verdict
from noisegrid.stats import Estimate
from noisegrid.study.study import TimedNetwork

SHARED = "other processes used {}% of the cores"


def measured(times: dict[str, list[list[float]]], note: str = "", *, kernels: bool = False) -> Timed:
    """Return the measurements of arms with these step times, a list of blocks for each process."""
    rows = [
        {"arm": arm, "measure": "step", "process": process, "value": value, "note": note}
        for arm, processes in times.items()
        for process, blocks in enumerate(processes)
        for value in blocks
    ]
    if kernels:
        rows += [{"arm": arm, "measure": "kernel_sum", "process": 0, "value": 9.0, "note": ""} for arm in times]
    count = len(times["default"])
    return Timed(TimedNetwork("cpu", "net", "b", {}, tuple(times), processes=count), rows, list(times))


@pytest.mark.parametrize(
    ("ratio", "processes", "sentence"),
    [
        (
            Estimate(0.965, 0.731, 1.273),
            5,
            "deterministic: a step takes 0.965 times as long as that of default [0.731, 1.273]: these runs exclude "
            "neither a saving of 27 % nor a cost of 27 % (n = 5 processes).",
        ),
        (
            Estimate(1.027, 1.011, 1.043),
            3,
            "deterministic: a step costs 2.7 % [1.1, 4.3] more time than that of default (n = 3 processes; fewer than "
            "5 decide nothing).",
        ),
        (
            Estimate(0.8, 0.7, 0.9),
            5,
            "deterministic: a step takes 20 % [10, 30] less time than that of default (n = 5 processes).",
        ),
        (
            Estimate(2.5, 2.3, 2.8),
            1,
            "deterministic: a step costs 150 % [130, 180] more time than that of default (conditional on one process, "
            "which decides nothing).",
        ),
        (
            Estimate(0.439, math.nan, math.nan),
            1,
            "deterministic: a step takes 0.439 times as long as that of default; one process with few blocks gives no "
            "interval, so neither a saving nor a cost is excluded.",
        ),
    ],
)
def test_a_verdict_is_in_the_words_of_a_decision(ratio, processes, sentence):
    assert verdict("deterministic", "default", ratio, processes) == sentence


def test_the_ratio_is_explained_where_it_is_not_the_quotient_of_the_columns():
    """The second process is twice as slow in both arms: the ratio is 1.5, the quotient of the medians is 2."""
    text = summary(measured({"default": [[2, 2], [4, 4], [2, 2]], "deterministic": [[3, 3], [6, 6], [4.5, 4.5]]}))
    lines = text.splitlines()
    # medians over all blocks, by hand: 2 2 2 2 4 4 and 3 3 4.5 4.5 6 6; ratios of processes: 1.5, 1.5, 2.25
    assert lines[1].split() == ["default", "2.00"]
    assert lines[2].split()[:4] == ["deterministic", "4.50", "default", f"{(1.5 * 1.5 * 2.25) ** (1 / 3):.3f}"]
    assert "It is not the quotient of the two step times, which are medians over all blocks." in text
    assert "Kernels are timed in profiled steps" not in text and "corrected" not in text


def test_one_process_has_no_interval_and_no_nan():
    text = summary(measured({"default": [[2.0]], "deterministic": [[3.0]]}, kernels=True))
    assert "1.500, no interval (one process)" in text and "nan" not in text
    assert "Kernels are timed in profiled steps of their own" in text


def test_several_intervals_are_said_to_be_uncorrected():
    arms = {"default": [[1.0]] * 2, "deterministic": [[1.1]] * 2, "deterministic_no_fill": [[1.0]] * 2}
    assert "The 2 intervals are not corrected for their number." in summary(measured(arms))


def test_the_table_says_how_many_blocks_were_disturbed():
    clean = {"default": [[2.0, 2.0]] * 2, "deterministic": [[3.0, 3.0]] * 2}
    assert "disturbed" not in summary(measured(clean))
    said = "8 of 8 blocks were disturbed by other processes (64 % of the cores); repeat on an idle machine."
    assert summary(measured(clean, SHARED.format(64))).splitlines()[-1] == said


@pytest.mark.parametrize(
    ("notes", "sentence"),
    [
        (["", "power cap"], ""),
        (
            [SHARED.format(64), "", f"batch halved from 8: out of memory; {SHARED.format(80)}"],
            "2 of 3 blocks were disturbed by other processes (64 to 80 % of the cores); repeat on an idle machine.",
        ),
        (["throttled: hw_slowdown", ""], "1 of 2 blocks were throttled; repeat on a cooler device."),
    ],
)
def test_disturbances_are_counted(notes, sentence):
    assert disturbance(notes) == sentence
