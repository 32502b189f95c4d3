"""The verdict and the numbers at the top of the page."""

import numpy as np
from factories import metrics_frame, value_of

from noisegrid.reporting.page.headline import facts, headline
from noisegrid.reporting.tables import difference_table


def test_the_verdict_is_the_largest_difference_that_noise_can_give():
    frame = metrics_frame(("smallcnn-digits", "smallcnn_bn-digits"))
    table = difference_table(frame)
    largest = table[table["noise"] == "algo_impl"].sort_values("real_gain_percentage_points").iloc[-1]
    assert largest["task"] == "smallcnn_bn-digits"  # its numbers are higher
    low, value, high = (largest[f"real_gain_percentage_points{end}"] for end in ("_low", "", "_high"))
    assert headline(frame, None).sentence == (
        f"A difference in accuracy below {value:,.2f} points [{low:,.2f}, {high:,.2f}] cannot be told from noise with "
        "10 runs per method (Small CNN with batch norm on digits, CPU, everything free)."
    )


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
    assert "Cost of determinism" not in by_title


def test_what_was_not_measured_is_no_fact():
    frame = metrics_frame(noise=("order",))
    frame.loc[frame["metric"] == "accuracy_std", "value"] = np.nan
    assert [fact.title for fact in facts(frame, None)] == []
