"""Every sentence on hand-made metrics: the right numbers in the right places."""

import pandas as pd
from factories import crossed_frame, metrics_frame

from noisegrid import stats
from noisegrid.reporting import findings


def edited(metric: str, noise: str, **numbers: float) -> pd.DataFrame:
    """Return the hand-made frame with some numbers of one metric of one cell."""
    frame = metrics_frame()
    here = (frame["metric"] == metric) & (frame["noise"] == noise)
    for column, number in numbers.items():
        frame.loc[here, column] = number
    return frame


def test_control():
    assert findings.control_sentence(metrics_frame()).endswith("in 1 of 1 control cells.")
    moved = edited("unequal_weights", "control", value=1)
    assert findings.control_sentence(moved).endswith("in 0 of 1 control cells.")
    assert findings.control_sentence(metrics_frame(noise=("algo",))) == ""


def test_churn_of_implementation_and_algorithm_are_not_swapped():
    frame = edited("churn", "impl", value=2.0, low=1.5, high=2.5)
    here = (frame["metric"] == "churn") & (frame["noise"] == "algo")
    frame.loc[here, ["value", "low", "high"]] = [8.0, 7.0, 9.0]
    (sentence,) = findings.churn_sentences(frame)
    assert "differ in implementation alone disagree on 2.00 [1.50, 2.50] %" in sentence
    assert "differ in algorithmic randomness on 8.00 [7.00, 9.00] % (25% of it)" in sentence


def test_shares_of_a_crossed_cell():
    shares, alone = {"init": 60.0, "order": -5.0, "init × order": 45.0}, {"init": 105.0, "order": 40.0}
    (sentence,) = findings.component_sentences(crossed_frame(shares, alone))
    assert sentence == (
        "net-data on cpu: two runs that differ in init and order disagree on 8.00 [0.00, 90.00] % of the test images; "
        "of this, holding one source alone would remove: 60 % [0, 90] init, 0 % [0, 90] order (10 crossed runs)."
    )
    assert findings.component_sentences(crossed_frame(shares, alone, churn=float("nan"))) == []
    assert findings.component_sentences(metrics_frame()) == []


def test_gain():
    (sentence,) = findings.gain_sentences(edited("accuracy_std", "algo_impl", value=0.5))
    assert f"gain below {stats.significant_difference(0.5, 10):.2f} points" in sentence
    assert f"takes {stats.replicates_needed(0.5, 0.3)} runs per method" in sentence


def test_classes_above_their_null():
    # all three classes of three cells lie above it; control has no spread, and no ratio
    frame = metrics_frame()
    frame.loc[(frame["metric"] == "class_std_ratio_max") & (frame["noise"] == "control"), "value"] = float("nan")
    assert findings.null_sentence(frame).startswith("Of 9 per-class standard deviations in 3 cells, 9 (100%) are")


def test_lost_replicates_are_named_with_their_fate():
    frame = metrics_frame()
    frame.loc[frame["metric"].str.startswith("replicates_"), "value"] = 0
    assert findings.lost_sentences(frame) == []
    frame.loc[(frame["metric"] == "replicates_failed") & (frame["noise"] == "impl"), "value"] = 2
    assert findings.lost_sentences(frame) == [
        "Replicates that failed and are left out of all numbers: 2 in cpu/net-data/impl."
    ]
