"""Every sentence on hand-made metrics: the right numbers in the right places."""

import pandas as pd
from factories import metrics_frame

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


def test_gain():
    frame = edited("accuracy_std", "algo_impl", value=0.5, low=0.35, high=0.9, freedom=9)
    images = frame[(frame["metric"] == "accuracy_std") & (frame["noise"] == "algo_impl")].assign(
        metric="accuracy_sampling_error", value=1.8
    )
    (sentence,) = findings.gain_sentences(pd.concat([frame, images]))
    limits = [f"{stats.significant_difference(spread, 10, 9):.2f}" for spread in (0.5, 0.35, 0.9)]
    runs = [f"{stats.replicates_needed(spread, 0.3):,}" for spread in (0.5, 0.35, 0.9)]
    assert sentence == (
        f"net-data on cpu: with 10 runs per method, a difference in accuracy below {limits[0]} points ({limits[1]} to "
        f"{limits[2]}) cannot be told from run-to-run noise at 95 %; the 200 test images add ± 1.80. To see a gain of "
        f"0.3 points takes {runs[0]} runs per method ({runs[1]} to {runs[2]})."
    )


def test_few_runs_are_too_few_to_plan_with():
    frame = metrics_frame().assign(n_replicates=4)
    assert findings.gain_sentences(frame) == [
        "net-data on cpu: 4 runs are too few to plan with; at least 5 are needed."
    ]


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
