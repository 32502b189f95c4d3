"""The tables of the page: a value and its interval are one column, and rows are named."""

import math

import pandas as pd
from factories import metrics_frame, value_of

from noisegrid.reporting.page.columns import columns_of
from noisegrid.reporting.page.headings import FIGURE_TITLES, TABLE_TITLES
from noisegrid.reporting.page.heads import take_heads
from noisegrid.reporting.page.names import Names
from noisegrid.reporting.page.shown import shown_tables
from noisegrid.reporting.registry import FIGURES, TABLES
from noisegrid.reporting.tables_claims import claims_table

NAN = math.nan


def texts(table: pd.DataFrame) -> dict[str, list[str]]:
    return {column.title: [item.text for item in column.items] for column in columns_of(table)}


def test_ends_are_merged_with_one_precision():
    table = pd.DataFrame(
        {"churn_percent": [9.691, 0.2], "churn_percent_low": [7.6, NAN], "churn_percent_high": [11, NAN]}
    )
    assert texts(table) == {"churn (%)": ["9.69 [7.60, 11.00]", "0.20"]}
    table = pd.DataFrame({"difference_percentage_points": [-0.85], "low": [-3.5], "high": [1.84], "test": ["t"]})
    assert texts(table) == {"b − a (points)": ["−0.850 [−3.500, 1.840]"], "test": ["t"]}


def test_a_null_is_a_range_of_its_own():
    table = pd.DataFrame(
        {
            "largest_ratio": [3.25],
            "largest_ratio_null_low": [1.5],
            "largest_ratio_null_high": [2.5],
            "above_null_p": [0.004],
        }
    )
    assert texts(table) == {
        "largest class over all classes": ["3.25"],
        "largest class over all classes: null": ["1.50 to 2.50"],
        "p": ["0.004"],
    }


def test_the_interval_of_a_number_above_the_null_is_no_null():
    table = pd.DataFrame({"above_null": [6.0], "above_null_low": [1.57], "above_null_high": [9.4]})
    table = table.assign(above_null_null_low=[0], above_null_null_high=[1])
    assert texts(table) == {"above null": ["6.00 [1.57, 9.40]"], "above null: null": ["0.00 to 1.00"]}


def test_whole_numbers_stay_whole_and_empty_columns_are_left_out():
    table = pd.DataFrame({"n_replicates": [10, 27], "margin_percentage_points": [NAN, NAN]})
    assert texts(table) == {"n": ["10", "27"]}


def test_a_column_is_sorted_by_its_numbers_and_what_is_unknown_comes_first():
    (column,) = columns_of(pd.DataFrame({"step_ms": [10.5, 9.5, NAN]}))
    assert [item.order for item in column.items] == [10.5, 9.5, -math.inf]
    assert sorted(column.items, key=lambda item: item.order)[1].text == "9.5"


def test_a_row_is_named_by_titles_with_its_key_and_a_link():
    frame = metrics_frame(("smallcnn-digits",))
    table = pd.DataFrame({"hardware": ["cpu"], "task": ["smallcnn-digits"], "note": ["one seed set"], "x": [1.0]})
    of, (head,), rest = take_heads(table, Names(frame))
    assert of == "task" and list(rest) == ["x"]
    assert (head.title, head.key, head.note) == ("Small CNN on digits", "cpu/smallcnn-digits", "one seed set")
    assert head.href == "#cells-cpu-smallcnn-digits"
    other = table.assign(task="smallcnn_bn-digits")  # has no section
    assert take_heads(other, Names(frame))[1][0].href == ""


def test_hardware_is_in_the_title_where_there_is_more_than_one():
    frame = metrics_frame(("smallcnn-digits",))
    table = pd.DataFrame({"hardware": ["cpu", "v100"], "task": ["smallcnn-digits"] * 2})
    assert [head.title for head in take_heads(table, Names(frame))[1]] == [
        "Small CNN on digits, CPU",
        "Small CNN on digits, V100",
    ]


def test_every_number_of_the_noise_table_is_in_the_row_of_its_cell():
    frame = metrics_frame()
    (table,) = [table for table in shown_tables(frame, None, Names(frame)) if table.name == "noise"]
    columns = {column.title: column for column in table.columns}
    assert [item.small for item in columns["free"].items] == ["algo_impl", "algo", "impl", "control"]
    for row, noise in enumerate(("algo_impl", "algo", "impl", "control")):
        value, low, high = (value_of(frame, noise, "churn", end) for end in ("value", "low", "high"))
        assert columns["churn (%)"].items[row].text == f"{value:,.0f} [{low:,.0f}, {high:,.0f}]"
        assert columns["churn (%)"].items[row].order == value


def test_verdicts_name_their_cells_and_state_what_the_effect_is():
    frame = metrics_frame(("smallcnn-digits",))
    (table,) = [table for table in shown_tables(frame, None, Names(frame)) if table.name == "claims"]
    columns = {column.title: column for column in table.columns}
    assert table.heads[0].title.startswith("C1. ")
    assert '<a href="#cells-cpu-smallcnn-digits">Small CNN on digits, CPU</a>' in columns["where"].items[0].text
    assert columns["effect"].items[0].small == "churn of impl (%)"
    assert [term for term, _ in table.terms] == [f"C{number}" for number in range(1, 17)]


def test_claims_that_were_not_measured_are_folded():
    frame = metrics_frame(("smallcnn-digits",))
    (table,) = [table for table in shown_tables(frame, None, Names(frame)) if table.name == "claims"]
    verdicts = {column.title: column for column in table.columns}["verdict"]
    assert "not measured here" not in {item.text for item in verdicts.items}
    of_each = claims_table(frame)["verdict"] == "not measured here"
    assert len(table.heads) + len(table.folded.heads) == len(of_each)
    assert table.folded.title == f"Not measured here ({of_each.sum()})" and table.folded.heads[-1].title[:3] == "C16"
    alone = metrics_frame(noise=("order",))
    (table,) = [table for table in shown_tables(alone, None, Names(alone)) if table.name == "claims"]
    assert table.folded is None or len(table.heads)


def test_every_registered_figure_and_table_has_a_title():
    assert FIGURES.keys() == FIGURE_TITLES.keys()
    assert TABLES.keys() == TABLE_TITLES.keys()
