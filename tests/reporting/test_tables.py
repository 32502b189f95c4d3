"""Every table on hand-made metrics: each number stands in its own column."""

import pandas as pd
import pytest
from factories import CLASSES, crossed_frame, metrics_frame, value_of

from noisegrid import stats
from noisegrid.reporting import findings, tables, tables_cells
from noisegrid.reporting.registry import TABLES
from noisegrid.study.sources import NAMES

FRAME = metrics_frame()


def row(table: pd.DataFrame, noise: str) -> pd.Series:
    return table[table["noise"] == noise].iloc[0]


def test_noise_table():
    table = tables_cells.noise_table(FRAME)
    assert list(table["noise"]) == ["algo_impl", "algo", "impl", "control"] and set(table["n_replicates"]) == {10}
    columns = {
        "accuracy_percent": ("accuracy_mean", "value"),
        "std_percentage_points": ("accuracy_std", "value"),
        "std_percentage_points_low": ("accuracy_std", "low"),
        "std_percentage_points_high": ("accuracy_std", "high"),
        "churn_percent": ("churn", "value"),
        "churn_percent_low": ("churn", "low"),
        "churn_percent_high": ("churn", "high"),
        "l2_unit": ("l2_unit", "value"),
        "l2_raw": ("l2_raw", "value"),
        "logit_correlation": ("logit_correlation", "value"),
        "calibration_error_percent": ("calibration_error", "value"),
    }
    assert list(table.columns[4:]) == [*columns, "seed_sets", "note"]
    for noise in ("algo_impl", "algo", "impl", "control"):
        for column, (metric, end) in columns.items():
            assert row(table, noise)[column] == value_of(FRAME, noise, metric, end), (noise, column)


def test_difference_table():
    table = tables_cells.difference_table(FRAME)
    assert list(table["noise"]) == ["algo_impl", "algo", "impl"]  # in control any difference is real
    spread = {end: value_of(FRAME, "impl", "accuracy_std", end) for end in ("value", "low", "high")}
    found = row(table, "impl")
    assert found["std_percentage_points"] == spread["value"]
    for column, end in (("", "value"), ("_low", "low"), ("_high", "high")):
        expected = stats.significant_difference(spread[end], 10, 9)
        assert found[f"real_gain_percentage_points{column}"] == pytest.approx(expected)
    small = FRAME.assign(**{end: FRAME[end] / 10_000 for end in ("value", "low", "high")})
    found = row(tables_cells.difference_table(small), "impl")
    for gain in (0.1, 0.3, 1):
        for column, end in (("", "value"), ("_low", "low"), ("_high", "high")):
            expected = stats.replicates_needed(spread[end] / 10_000, gain)
            assert found[f"replicates_for_{gain:g}_points{column}"] == expected


def test_class_table():
    frame = metrics_frame()
    inside = (frame["metric"] == "class_accuracy_std") & (frame["group"] == "class 0")
    frame.loc[inside, "null_high"] = frame.loc[inside, "value"] + 1
    below = (frame["metric"] == "class_accuracy_std") & (frame["group"] == "class 1")
    frame.loc[below, "null_low"] = frame.loc[below, "value"] + 1
    frame.loc[below, "null_high"] = frame.loc[below, "value"] + 2
    frame.loc[frame["metric"] == "class_std_over_null_max", "p"] = 0.03
    frame.loc[frame["metric"] == "classes_above_null", "p"] = 0.2
    found = row(tables_cells.class_table(frame), "algo")
    assert (found["classes"], found["inside_null"], found["above_null"], found["below_null"]) == (CLASSES, 1, 1, 1)
    assert (found["undefined"], found["note"]) == (0, "")
    for column, metric, end in (("largest_ratio", "class_std_ratio_max", "value"),
                                ("largest_ratio_null_median", "class_std_ratio_max", "null_median"),
                                ("largest_ratio_null_low", "class_std_ratio_max", "null_low"),
                                ("largest_ratio_null_high", "class_std_ratio_max", "null_high"),
                                ("largest_over_null", "class_std_over_null_max", "value"),
                                ("largest_over_null_null_high", "class_std_over_null_max", "null_high"),
                                ("largest_over_null_p", "class_std_over_null_max", "p"),
                                ("above_null_low", "classes_above_null", "low"),
                                ("above_null_high", "classes_above_null", "high"),
                                ("above_null_null_high", "classes_above_null", "null_high"),
                                ("above_null_p", "classes_above_null", "p"),
                                ("above_null_at_fdr", "classes_above_null_fdr", "value")):  # fmt: skip
        assert found[column] == value_of(frame, "algo", metric, end), column


def test_a_class_with_an_undefined_null_is_counted_apart_with_its_reason():
    frame = metrics_frame()
    here = (frame["metric"] == "class_accuracy_std") & (frame["group"] == "class 1") & (frame["noise"] == "algo")
    frame.loc[here, ["value", "null_low", "null_median", "null_high"]] = float("nan")
    frame.loc[here, "note"] = "undefined: no test examples"
    still = (frame["metric"] == "class_accuracy_std") & (frame["noise"] == "control")
    frame.loc[still, ["null_low", "null_median", "null_high"]] = float("nan")
    frame.loc[still, "note"] = "undefined: all are equal"
    table = tables_cells.class_table(frame)
    assert (row(table, "algo")["above_null"], row(table, "algo")["undefined"]) == (CLASSES - 1, 1)
    assert row(table, "algo")["note"] == "1 of 3 undefined: no test examples"
    assert (row(table, "control")["undefined"], row(table, "control")["inside_null"]) == (CLASSES, 0)
    assert row(table, "control")["note"] == "3 of 3 undefined: all are equal"


def test_a_file_of_an_earlier_version_has_a_class_table_without_the_new_numbers():
    frame = metrics_frame()
    old = frame[~frame["metric"].isin(["class_std_over_null_max", "classes_above_null", "classes_above_null_fdr"])]
    found = row(tables_cells.class_table(old), "algo")
    assert found["above_null"] == CLASSES and pd.isna(found["above_null_p"]) and pd.isna(found["largest_over_null"])
    assert findings.null_sentence(old) == ""


def test_reference_table():
    found = row(tables_cells.reference_table(FRAME), "algo")
    assert found["std_ddof0_percentage_points"] == value_of(FRAME, "algo", "reference_accuracy_std")
    assert found["agreement_at_midpoint_percent"] == value_of(FRAME, "algo", "reference_agreement_midpoint")
    assert found["l2_raw_with_buffers_at_midpoint"] == value_of(FRAME, "algo", "reference_l2_midpoint")


def test_taxonomy_table():
    frame = metrics_frame(("a-data", "b-data"), ("algo", "control"))
    across = frame.assign(hardware="cpu × gpu")  # a comparison of two devices is not a cell
    table = tables_cells.taxonomy_table(pd.concat([frame, across]))
    assert table.to_dict("records") == [
        {"noise": "algo", "free": "augment, dropout, init, order", "cells": 2},
        {"noise": "control", "free": "nothing", "cells": 2},
    ]


def test_components_are_shown_inside_their_range_with_a_note():
    frame = crossed_frame({"init": 60.0, "order": -5.0, "init × order": 45.0}, {"init": 105.0, "order": 40.0})
    table = tables_cells.component_table(frame)
    assert list(table["source"]) == 2 * ["init", "order", "init × order"]
    assert list(table["outcome"]) == 3 * ["predictions"] + 3 * ["accuracy"]
    assert list(table["share_percent"])[:3] == [60, 0, 45] and list(table["alone_percent"])[:2] == [100, 40]
    assert table["alone_percent"].isna().sum() == 2 and list(table["note"])[1] == "negative estimate, shown as 0"
    assert tables_cells.taxonomy_table(frame)["free"].tolist() == ["init, order"]


def test_a_study_without_a_crossed_cell_has_no_components():
    assert tables_cells.component_table(FRAME).empty


def test_every_table_is_written_in_four_formats_under_its_caption(tmp_path):
    tables.write_all(FRAME, None, tmp_path / "tables")
    written = {path.name for path in (tmp_path / "tables").iterdir()}
    names = [name for name, entry in TABLES.items() if entry.data == "metrics.csv" and not entry.optional]
    assert written == {f"{name}.{suffix}" for name in names for suffix in ("csv", "md", "tex", "html")}
    markdown = (tmp_path / "tables/noise.md").read_text()
    assert markdown.startswith(TABLES["noise"].caption) and "n = 10 replicates per cell" in markdown


def test_the_caption_of_a_table_is_about_its_own_cells(tmp_path):
    crossed = crossed_frame({"init": 60.0, "order": 40.0}, {"init": 70.0, "order": 50.0}).assign(n_replicates=27)
    both = pd.concat([part.astype({"noise": str}) for part in (FRAME, crossed)])
    both["noise"] = pd.Categorical(both["noise"], list(NAMES), ordered=True)
    tables.write_all(both, None, tmp_path)
    captions = {name: (tmp_path / f"{name}.md").read_text().partition("\n")[0] for name in ("noise", "components")}
    assert "n = 10 replicates per cell" in captions["noise"] and "crossed" not in captions["noise"]
    assert "n = 27 replicates per cell" in captions["components"]


def test_ensemble_table():
    """Cells with ensembles have a row for one run and one for each size; cells without them have none."""
    algo = FRAME[FRAME["noise"] == "algo"].iloc[0]
    more = [
        algo.to_dict() | {"metric": f"ensemble_{metric}", "group": f"k = {size}", "value": value, "low": value - 1}
        for size, accuracy, churn in ((3, 92.0, 3.0), (2, 91.0, 4.0))
        for metric, value in (("accuracy", accuracy), ("churn", churn))
    ]
    table = tables_cells.ensemble_table(pd.concat([FRAME, pd.DataFrame(more)], ignore_index=True))
    assert list(table["noise"]) == ["algo"] * 3 and list(table["runs"]) == [1, 2, 3]
    assert list(table["ensembles"]) == [10, 5, 3]
    assert list(table["accuracy_percent"]) == [value_of(FRAME, "algo", "accuracy_mean"), 91.0, 92.0]
    assert list(table["churn_percent"]) == [value_of(FRAME, "algo", "churn"), 4.0, 3.0]
    assert list(table["churn_percent_low"][1:]) == [3.0, 2.0]
    assert tables_cells.ensemble_table(FRAME).empty
