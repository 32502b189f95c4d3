"""The verdict and the numbers at the top of the page."""

import numpy as np
import pandas as pd
import pytest
from factories import metrics_frame, value_of

from noisegrid.overhead.session import COLUMNS
from noisegrid.reporting.page.headline import STEP_TIME, facts, headline
from noisegrid.reporting.tables_cells import difference_table


def test_the_verdict_is_the_largest_difference_that_noise_can_give():
    frame = metrics_frame(("smallcnn-digits", "smallcnn_bn-digits"))
    table = difference_table(frame)
    largest = table[table["noise"] == "algo_impl"].sort_values("real_gain_percentage_points").iloc[-1]
    assert largest["task"] == "smallcnn_bn-digits"  # its numbers are higher
    low, value, high = (largest[f"real_gain_percentage_points{end}"] for end in ("_low", "", "_high"))
    assert headline(frame, None).sentence == (
        f"At worst, a difference in accuracy below {value:,.2f} points [{low:,.2f}, {high:,.2f}] cannot be told from "
        "noise with 10 runs per method (Small CNN with batch norm on digits, CPU, everything free; smaller in the "
        "other task)."
    )


def test_a_verdict_on_one_task_is_not_the_worst_and_one_on_several_counts_the_others():
    assert headline(metrics_frame(), None).sentence.startswith("A difference in accuracy below ")
    assert headline(metrics_frame(), None).sentence.endswith("(net-data, CPU, everything free).")
    three = headline(metrics_frame(("a-data", "b-data", "c-data")), None).sentence
    assert three.startswith("At worst, ") and three.endswith("free; smaller in the 2 other tasks).")
    two = pd.concat([metrics_frame(), metrics_frame().assign(hardware="v100")])
    assert headline(two, None).sentence.endswith("free; smaller in the other cell).")


def test_without_a_cell_that_leaves_everything_free_all_seeds_are_the_widest():
    frame = metrics_frame(noise=("algo", "order", "control"))
    assert headline(frame, None).sentence.endswith("(net-data, CPU, all seeds free).")
    assert "Churn, all seeds free" in [fact.title for fact in facts(frame, None)]


def test_few_runs_give_no_verdict():
    frame = metrics_frame().assign(n_replicates=3)
    assert headline(frame, None).sentence.startswith("3 runs per cell are too few to say which difference")


def test_without_all_sources_the_noisiest_cell_is_the_verdict():
    frame = metrics_frame(noise=("impl", "control"))
    value, low, high = (value_of(frame, "impl", "churn", end) for end in ("value", "low", "high"))
    assert headline(frame, None).sentence == (
        f"Two runs of net-data that differ in implementation disagree on {value:,.2f} % [{low:,.2f}, {high:,.2f}] of "
        "the test examples."
    )


def test_control_alone_is_a_verdict_too():
    frame = metrics_frame(noise=("control",))
    assert headline(frame, None).sentence.startswith("Control is exactly zero (bitwise equal weights) in 1 of 1")


def test_every_fact_names_its_cell_and_n():
    frame = metrics_frame(("a-data", "b-data"))
    by_title = {fact.title: fact for fact in facts(frame, None)}
    churn = by_title["Churn, implementation alone"]
    assert "Churn, everything free" in by_title
    rows = frame[(frame["metric"] == "churn") & (frame["noise"] == "impl")]
    top = rows.loc[rows["value"].idxmax()]
    assert (top["task"], churn.value) == ("b-data", f"{top['value']:,.0f} %")
    assert churn.interval == f"[{top['low']:,.0f}, {top['high']:,.0f}]"
    assert churn.about.replace("\N{NO-BREAK SPACE}", " ") == "largest: b-data; n = 10"
    assert by_title["Control, nothing free"].value == "2 of 2 cells"
    assert STEP_TIME not in by_title


def timings(ratios: dict[str, float], processes: int = 5) -> pd.DataFrame:
    """Return timings of networks whose deterministic steps take this many times as long, ± 1 % between processes."""
    arms = [("default", ""), ("deterministic", "default")]
    rows = [
        {"hardware": "cpu", "network": network, "size_px": 32, "batch_size": 4, "device": "d", "versions": "v"}
        | {"arm": arm, "against": against, "measure": "step", "process": process, "block": 0, "steps": 3}
        | {"value": ratio * (1 + 0.01 * (process - 2)) if against else 1.0, "note": ""}
        for network, ratio in ratios.items()
        for arm, against in arms
        for process in range(processes)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.mark.parametrize(
    ("ratio", "value", "interval", "about"),
    [  # t of 4 degrees of freedom (2.776) × the standard deviation of log(0.98 … 1.02) (0.0158) / √5 = 0.0196
        (1.5, "1.50 times", "[1.47, 1.53]", "Small CNN, 32 px, batch 4, CPU; "),
        (
            1.0,
            "not decided",
            "1.00 times [0.98, 1.02]",
            "the interval, corrected for 2 networks, contains 1",
        ),
    ],
)
def test_the_cost_of_determinism_is_a_number_only_where_it_is_shown(ratio, value, interval, about):
    timed = timings({"smallcnn": ratio, "mediumcnn_k1": ratio / 2})
    fact = next(fact for fact in facts(metrics_frame(), timed) if fact.title == STEP_TIME)
    assert (fact.value, fact.interval) == (value, interval)
    text = fact.about.replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith(about) and text.endswith("batch 4, CPU; the largest of 2; n = 5 processes")


def test_a_cost_that_is_shown_comes_before_a_larger_one_that_is_not():
    """The processes of the first network differ by up to 60 %, so its interval contains 1."""
    table = timings({"smallcnn": 1.1, "mediumcnn_k1": 1.04})
    noisy = (table["network"] == "smallcnn") & (table["arm"] == "deterministic") & (table["measure"] == "step")
    table.loc[noisy, "value"] *= 1 + 0.15 * (table.loc[noisy, "process"] - 2)
    fact = next(fact for fact in facts(metrics_frame(), table) if fact.title == STEP_TIME)
    assert fact.value == "1.04 times" and "the largest shown of 2" in fact.about


def test_few_processes_do_not_show_a_cost():
    fact = facts(metrics_frame(), timings({"smallcnn": 2.0}, processes=3))[-1]
    assert (fact.title, fact.value) == (STEP_TIME, "not decided")
    assert fact.about.startswith("fewer than 5 processes decide nothing; Small CNN")


def test_what_was_not_measured_is_no_fact():
    frame = metrics_frame(noise=("order",))
    frame.loc[frame["metric"] == "accuracy_std", "value"] = np.nan
    assert [fact.title for fact in facts(frame, None)] == []
