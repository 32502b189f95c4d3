"""Tables about cells: accuracy, churn, differences, sub-groups, classes, ensembles, comparisons, components.

Column names contain units.
"""

import pandas as pd

from noisegrid import stats
from noisegrid.common.notes import join_notes
from noisegrid.reporting.metrics_frame import free_sources, measured_names, select, single_hardware
from noisegrid.study.sources import holds_seeds, seed_note

CELL = ["hardware", "task", "noise"]
GAINS_PERCENTAGE_POINTS = (0.1, 0.3, 1.0)


def noise_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell with its accuracy, the spread of accuracy, churn, L2 and further metrics.

    Cells whose labels are values have the RMSE instead of the accuracy; cells of tokens also have bits per token.
    """
    columns = {
        "accuracy_percent": "accuracy_mean",
        "std_percentage_points": "accuracy_std",
        "churn_percent": "churn",
        "l2_unit": "l2_unit",
        "l2_raw": "l2_raw",
        "logit_correlation": "logit_correlation",
        "calibration_error_percent": "calibration_error",
    }
    spreads = ["std_percentage_points", "churn_percent"]
    for metric, (mean, spread) in {
        "rmse": ("rmse", "std_rmse"),
        "bits_per_token": ("bits_per_token", "std_bits"),
    }.items():
        if (frame["metric"] == f"{metric}_mean").any():
            columns |= {mean: f"{metric}_mean", spread: f"{metric}_std"}
            spreads.append(spread)
    return _wide(frame, columns, with_interval=spreads)


def difference_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return, for each cell, the difference that run-to-run noise can give, and the replicates that a gain requires.

    A gain is the difference in accuracy between two methods. Both methods are assumed to have the spread of the cell,
    and as many replicates as the cell. The number of replicates needed is the number per method at which a two-sided t
    test at 95 % has 80 % power. Columns that end in `_low` and `_high` follow from the interval of the spread. The
    sampling of the test examples adds to this; `test_examples_percentage_points` is half of the width of its 95 %
    interval. Cells without spread (control) are left out, because any difference is significant there.
    """
    images = select(frame, "accuracy_sampling_error").set_index(CELL)["value"]
    rows = []
    for cell in select(frame, "accuracy_std").itertuples():
        if cell.value == 0:
            continue
        row = {key: getattr(cell, key) for key in CELL}
        row |= {"n_replicates": cell.n_replicates, "std_percentage_points": cell.value}
        freedom = cell.n_replicates - 1 if pd.isna(cell.freedom) else cell.freedom
        enough = cell.n_replicates >= stats.FEWEST
        for end in ("", "_low", "_high"):
            spread = getattr(cell, end.strip("_") or "value") if enough else float("nan")
            row[f"real_gain_percentage_points{end}"] = stats.significant_difference(spread, cell.n_replicates, freedom)
            for gain in GAINS_PERCENTAGE_POINTS:
                row[f"replicates_for_{gain:g}_points{end}"] = stats.replicates_needed(spread, gain)
        row["test_examples_percentage_points"] = images.get(tuple(row[key] for key in CELL), float("nan"))
        row["note"] = cell.note if enough else f"too few runs to plan with (fewer than {stats.FEWEST})"
        rows.append(row)
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=CELL)
    return _with_seed_sets(table, frame).convert_dtypes()


def test_set_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return, for each cell and sub-group, the spread that would remain on an infinite test set.

    The share of the variance of accuracy that would vanish and, for the whole cell, the half-width that sampling the
    test examples adds to the interval of the mean accuracy are further columns.
    """
    place = [*CELL, "group"]
    parts = {
        "remaining_std_percentage_points": select(frame, "accuracy_std_distribution", None),
        "vanishing_share_of_variance": select(frame, "test_set_share", None),
    }
    columns = [
        rows.set_index([*place, "n_replicates"])[["value", "low", "high"]].rename(
            columns={"value": name, "low": f"{name}_low", "high": f"{name}_high"}
        )
        for name, rows in parts.items()
    ]
    added = select(frame, "accuracy_sampling_error").set_index([*place, "n_replicates"])["value"]
    table = pd.concat([*columns, added.rename("test_examples_add_percentage_points")], axis=1).reset_index()
    return _with_seed_sets(table[~table["group"].str.fullmatch("class [0-9]+")], frame)


def ensemble_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell and size of an ensemble: its accuracy and churn; one run is an ensemble of size 1."""
    parts = []
    for name, of_one, of_several in (
        ("accuracy_percent", "accuracy_mean", "ensemble_accuracy"),
        ("churn_percent", "churn", "ensemble_churn"),
    ):
        several = select(frame, of_several, None)
        both = pd.concat([select(frame, of_one).assign(runs=1), several.assign(runs=_runs_of(several["group"]))])
        both = both.set_index([*CELL, "runs"])[["value", "low", "high"]]
        parts.append(both.rename(columns={"value": name, "low": f"{name}_low", "high": f"{name}_high"}))
    table = pd.concat(parts, axis=1).reset_index()
    cells = table[CELL].apply(tuple, axis=1)
    places = {cell: place for place, cell in enumerate(cells[table["runs"] > 1].drop_duplicates())}
    counts = frame.drop_duplicates(CELL).set_index(CELL)["n_replicates"]
    table["ensembles"] = [int(counts[cell]) // size for cell, size in zip(cells, table["runs"], strict=True)]
    table["place"] = cells.map(places)
    table = table.dropna(subset="place").sort_values(["place", "runs"])
    return table.drop(columns="place").reset_index(drop=True)


def _runs_of(groups: pd.Series) -> pd.Series:
    """Return the number of runs of an ensemble from its group, such as `k = 2`."""
    return groups.str.removeprefix("k = ").astype(int)


def versus_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per comparison of two methods, a and b: effect, verdict on b, and what the runs can show."""
    numbers = {
        metric: rows.set_index([*CELL, "group"])
        for metric, rows in frame[frame["metric"].str.startswith("versus_")].groupby("metric", sort=False)
    }
    rows = []
    for effect in select(frame, "versus_difference", None).itertuples():
        here = (effect.hardware, effect.task, effect.noise, effect.group)

        def number(metric: str, end: str = "value", here: tuple[str, ...] = here) -> float:
            return float(numbers[f"versus_{metric}"].loc[here, end])

        estimate = stats.Estimate(effect.value, effect.low, effect.high, effect.error, effect.freedom)
        rows.append(
            {
                "hardware": effect.hardware,
                "noise": effect.noise,
                "a": effect.group.removeprefix("vs "),
                "b": effect.task,
            }
            | {"difference_percentage_points": effect.value, "low": effect.low, "high": effect.high}
            | {"test": effect.interval, "n_replicates": effect.n_replicates}
            | {"verdict": stats.verdict_on(estimate, number("margin")), "margin_percentage_points": number("margin")}
            | {"test_examples_add_percentage_points": number("sampling_error")}
            | {"smallest_percentage_points": number("smallest")}
            | {f"b_better{end}": number("superiority", end.lstrip("_") or "value") for end in ("", "_low", "_high")}
            | {
                f"violation_ratio{end}": number("violation", end.lstrip("_") or "value")
                for end in ("", "_low", "_high")
            }
            | {"further_runs_or_sets": number("further_units"), "note": effect.note}
        )
    return pd.DataFrame(rows).astype({"further_runs_or_sets": "Int64"} if rows else {})


#: Columns of the class table that are read from the rows about the whole cell: prefix, metric, and columns to read.
CLASS_COLUMNS = (
    ("above_null", "classes_above_null", ("low", "high", "null_low", "null_high", "p")),
    ("above_null_at_fdr", "classes_above_null_fdr", ("value",)),
    ("largest_over_null", "class_std_over_null_max", ("value", "null_median", "null_low", "null_high", "p")),
    ("largest_ratio", "class_std_ratio_max", ("value", "null_median", "null_low", "null_high")),
)


def class_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return, for each cell, the number of classes above, inside and below the null, and how far the largest is above.

    A class is compared with the independent-error null by the standard deviation of its accuracy. A class whose null is
    undefined is counted apart, and the note says why. `largest_over_null` is the largest standard deviation of a class
    over the median of its own null. `largest_ratio` is the largest standard deviation over the overall one.
    """
    wide = [
        select(frame, metric).set_index(CELL)[list(ends)].rename(columns=lambda end, p=prefix: _prefixed(p, end))
        for prefix, metric, ends in CLASS_COLUMNS
    ]
    rows = []
    for key, classes in select(frame, "class_accuracy_std", None).groupby(CELL, sort=False, observed=True):
        defined = classes[classes["null_high"].notna()]
        above = int(stats.exceeds(defined["value"], defined["null_high"]).sum())
        below = int(stats.exceeds(defined["null_low"], defined["value"]).sum())
        rows.append(
            dict(zip(CELL, key, strict=True))
            | {"classes": len(classes), "inside_null": len(defined) - above - below}
            | {"above_null": above, "below_null": below, "undefined": len(classes) - len(defined)}
            | {name: part[name].get(key) for part in wide for name in part}
            | {"note": _reasons(classes)}
        )
    return pd.DataFrame(rows)


def component_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return, for each crossed cell, the share of each source and each interaction, for predictions and accuracy.

    Empty if there is no crossed cell. An estimate below 0 or above 100 % is
    shown as 0 or 100, which the column `note` states.
    """
    keys, ends = [*CELL, "group"], {"value": "", "low": "_low", "high": "_high"}
    parts = []
    for outcome in ("predictions", "accuracy"):
        shares = select(frame, f"component_{outcome}", None).set_index(keys)
        alone = select(frame, f"component_{outcome}_alone", None).set_index(keys)
        part = shares[["n_replicates", "note"]].copy()
        part.insert(0, "outcome", outcome)
        for name, rows in (("share", shares), ("alone", alone)):
            for end, suffix in ends.items():
                part[f"{name}_percent{suffix}"] = rows[end].clip(0, 100).reindex(part.index)
        part["note"] = part.pop("note")
        parts.append(part.reset_index().rename(columns={"group": "source"}))
    return pd.concat(parts, ignore_index=True)


def _prefixed(prefix: str, end: str) -> str:
    return prefix if end == "value" else f"{prefix}_{end}"


def _reasons(rows: pd.DataFrame) -> str:
    """Return for how many of the rows the null is undefined, for each reason."""
    notes = rows.loc[rows["note"].str.startswith("undefined", na=False), "note"].value_counts(sort=False)
    return "; ".join(f"{count} of {len(rows)} {note}" for note, count in notes.items())


def reference_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics as the reference (the paper's published code) defines them; see docs/metrics.md."""
    columns = {
        "std_ddof0_percentage_points": "reference_accuracy_std",
        "agreement_at_midpoint_percent": "reference_agreement_midpoint",
        "l2_raw_with_buffers_at_midpoint": "reference_l2_midpoint",
    }
    return _wide(frame, columns, with_interval=[])


def taxonomy_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return each noise that was measured, the sources that it leaves free, and the number of cells with this noise."""
    cells = single_hardware(frame)[[*CELL]].drop_duplicates()["noise"].value_counts()
    rows = [
        {"noise": noise, "free": free_sources(frame, noise), "cells": int(cells[noise])}
        for noise in measured_names(single_hardware(frame))
    ]
    return pd.DataFrame(rows)


def _wide(frame: pd.DataFrame, columns: dict[str, str], with_interval: list[str]) -> pd.DataFrame:
    """Return one row per cell and one column per metric; columns listed in `with_interval` get interval columns too."""
    parts = []
    for name, metric in columns.items():
        rows = select(frame, metric).set_index([*CELL, "n_replicates"])
        part = rows[["value", "low", "high"]] if name in with_interval else rows[["value"]]
        parts.append(part.rename(columns={"value": name, "low": f"{name}_low", "high": f"{name}_high"}))
    return _with_seed_sets(pd.concat(parts, axis=1).reset_index(), frame)


def _with_seed_sets(table: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the columns `seed_sets` (empty where no seeds are held) and `note` to a table with a row per cell.

    If the table has notes already, the note on the seed sets is added to them.
    """
    cells = frame.drop_duplicates(CELL).set_index(CELL)["seed_sets"]
    keys = list(table[CELL].itertuples(index=False, name=None))
    sets = [cells[key] for key in keys]
    own = table["note"] if "note" in table else [""] * len(table)
    held = [count if holds_seeds(noise) else pd.NA for (*_, noise), count in zip(keys, sets, strict=True)]
    notes = [join_notes(note, seed_note(key[-1], count)) for note, key, count in zip(own, keys, sets, strict=True)]
    table = table.drop(columns="note", errors="ignore")
    return table.assign(seed_sets=pd.array(held, "Int64"), note=notes)
