"""Every sentence on hand-made metrics: the right numbers in the right places."""

import numpy as np
import pandas as pd
import pytest
from factories import crossed_frame, metrics_frame, value_of

from noisegrid import stats
from noisegrid.measuring.classes import class_rows
from noisegrid.measuring.rows import COLUMNS
from noisegrid.reporting import findings
from noisegrid.study.sources import FREE


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
    assert (
        "differ in all seeds on 8.00 [7.00, 9.00] % (25 % of it). (Implementation: the choice of kernels; on a CPU, "
        in sentence
    )


@pytest.mark.parametrize(
    ("noises", "expected"),
    [
        (("algo_impl", "impl", "control"), "two runs that differ in implementation alone disagree on {} of the test"),
        (
            ("algo_impl", "algo", "control"),
            "two runs that differ in all seeds disagree on {} of the test examples. (All",
        ),
        (("algo_impl", "order"), "two runs that differ in everything disagree on {} of the test examples."),
        (("order", "control"), None),
    ],
)
def test_churn_where_one_of_both_noises_was_measured(noises, expected):
    frame = metrics_frame(noise=noises)
    sentences = findings.churn_sentences(frame)
    if expected is None:
        assert sentences == []
        return
    noise = next(name for name in ("impl", "algo", "algo_impl") if name in noises)
    value, low, high = (value_of(frame, noise, "churn", end) for end in ("value", "low", "high"))
    (sentence,) = sentences
    assert sentence.startswith("net-data on cpu: " + expected.format(f"{value:.2f} [{low:.2f}, {high:.2f}] %"))


def test_words_are_explained_once():
    frame = metrics_frame(("a-data", "b-data"))
    first, second = findings.churn_sentences(frame)
    assert first.endswith("All seeds: initial weights, order, augmentation and dropout.)")
    assert second.endswith("of it).") and "Implementation:" not in second


def test_the_widest_noise_that_was_measured_is_the_one_of_the_sentences():
    """In a, everything was free in some cell; in b, all seeds; in c, neither."""
    parts = [("a-data", ("algo_impl", "algo")), ("b-data", ("algo", "order")), ("c-data", ("impl", "order"))]
    frame = pd.concat([metrics_frame((task,), noise) for task, noise in parts])
    assert [sentence.split(":")[0] for sentence in findings.gain_sentences(frame)] == [
        "a-data on cpu, everything free", "b-data on cpu, all seeds free",
    ]  # fmt: skip
    # a cell without spread has no sentence, and a narrower noise does not take its place
    frame.loc[(frame["noise"] == "algo_impl") & (frame["metric"] == "accuracy_std"), "value"] = 0.0
    assert [sentence.split(":")[0] for sentence in findings.gain_sentences(frame)] == ["b-data on cpu, all seeds free"]


def test_shares_of_a_crossed_cell():
    shares, alone = {"init": 60.0, "order": -5.0, "init × order": 45.0}, {"init": 105.0, "order": 40.0}
    (sentence,) = findings.component_sentences(crossed_frame(shares, alone))
    assert sentence == (
        "net-data on cpu: two runs that differ in initial weights and data order disagree on 8.00 [0.00, 90.00] % of "
        "the test examples; "
        "of this, holding one source alone would remove: 60 [0, 90] % initial weights, 0 [0, 90] % data order; "
        "the rest is due to their interactions and goes away only if several of them are held (10 crossed runs)."
    )
    shares, alone = {"init": 60.0, "order": 40.0, "init × order": 0.0}, {"init": 60.0, "order": 40.0}
    (sentence,) = findings.component_sentences(crossed_frame(shares, alone))
    assert sentence.endswith("40 [0, 90] % data order (10 crossed runs).")  # there is no rest
    assert findings.component_sentences(crossed_frame(shares, alone, churn=float("nan"))) == []
    assert findings.component_sentences(metrics_frame()) == []


def test_the_spread_of_values():
    frame = metrics_frame(noise=("algo", "order", "control"))
    spread = frame[frame["metric"] == "accuracy_std"].assign(metric="rmse_std", value=0.0123, low=0.008, high=0.0234)
    mean = spread.assign(metric="rmse_mean", value=0.5)
    (sentence,) = findings.value_sentences(pd.concat([frame, spread, mean]))
    assert sentence == (
        "net-data on cpu, all seeds free: the root mean square error is 0.5 on average, with a standard deviation of "
        "0.0123 [0.008, 0.0234] between 10 runs."
    )
    assert findings.value_sentences(frame) == []


def test_gain():
    frame = edited("accuracy_std", "algo_impl", value=0.5, low=0.35, high=0.9, freedom=9)
    images = frame[(frame["metric"] == "accuracy_std") & (frame["noise"] == "algo_impl")].assign(
        metric="accuracy_sampling_error", value=1.8
    )
    (sentence,) = findings.gain_sentences(pd.concat([frame, images]))
    limits = [f"{stats.significant_difference(spread, 10, 9):.2f}" for spread in (0.5, 0.35, 0.9)]
    runs = [f"{stats.replicates_needed(spread, 0.3):,}" for spread in (0.5, 0.35, 0.9)]
    assert sentence == (
        f"net-data on cpu, everything free: with 10 runs per method, a difference in accuracy below {limits[0]} points "
        f"({limits[1]} to {limits[2]}) cannot be told from run-to-run noise at 95 %; the 200 test examples add ± 1.80. "
        "To see a gain of "
        f"0.3 points takes {runs[0]} runs per method ({runs[1]} to {runs[2]})."
    )


def test_few_runs_are_too_few_to_plan_with():
    frame = metrics_frame().assign(n_replicates=4)
    assert findings.gain_sentences(frame) == [
        "net-data on cpu, everything free: 4 runs are too few to plan with; at least 5 are needed."
    ]


def classes(noise: str, correct: np.ndarray) -> pd.DataFrame:
    """Return the rows about the four classes of such replicates, as `load_metrics` gives them."""
    rows = class_rows(correct, np.arange(400) % 4, np.zeros(len(correct), int), np.random.default_rng(0))
    common = {"hardware": "cpu", "task": "net-data", "noise": noise, "n_replicates": len(correct)}
    frame = pd.DataFrame([common | row for row in rows], columns=list(COLUMNS))
    return frame.assign(noise=pd.Categorical(frame["noise"], list(FREE), ordered=True))


def test_classes_above_their_null():
    rng = np.random.default_rng(0)
    independent, varying = rng.random((2, 10, 400)) < 0.9
    varying[:5, np.arange(400) % 4 == 2] &= rng.random((5, 100)) < 0.5
    still = np.tile(independent[:1], (10, 1))
    frame = pd.concat([classes("algo_impl", varying), classes("algo", independent), classes("control", still)])
    sentence = findings.null_sentence(frame)
    assert sentence.startswith("In 1 of 2 cells, the accuracy of some class varies more than independent errors of")
    assert (
        "net-data on cpu, everything free: 1 [0.0, " in sentence and "] of 4 (independent errors: 0 to 1)" in sentence
    )
    assert "; 1 at a false discovery rate of 5 %. This is about each class by itself, and not about its" in sentence
    assert findings.null_sentence(classes("algo", independent)).startswith("In 0 of 1 cells")
    assert findings.null_sentence(classes("control", still)) == ""


def test_two_runs_have_no_interval_and_no_nan():
    frame = edited("churn", "impl", value=2.0, low=float("nan"), high=float("nan"), n_replicates=2)
    (sentence,) = findings.churn_sentences(frame)
    assert "alone disagree on 2.00 [no interval] % of" in sentence and "nan" not in sentence
    runs = np.random.default_rng(0).random((5, 400)) < 0.9
    assert findings.null_sentence(classes("algo", runs[:4])) == ""  # too few to say anything of classes
    five = findings.null_sentence(classes("algo", runs))
    assert "nan" not in five and " of 4 (independent errors: " in five


def test_lost_replicates_are_named_with_their_fate():
    frame = metrics_frame()
    frame.loc[frame["metric"].str.startswith("replicates_"), "value"] = 0
    assert findings.lost_sentences(frame) == []
    frame.loc[(frame["metric"] == "replicates_failed") & (frame["noise"] == "impl"), "value"] = 2
    assert findings.lost_sentences(frame) == [
        "Replicates that failed and are left out of all numbers: 2 in cpu/net-data/impl."
    ]
