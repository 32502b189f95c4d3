"""overhead.csv as a data frame: the ratio of each arm to the arm that it is compared with, and its kernels."""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.study.arms import REFERENCE, arms

KEY = ["hardware", "network"]
DETERMINISTIC = "deterministic"
#: Kernel times that differ by less than this share of a step count as the same.
SAME_TIME = 0.02
#: A kernel that both arms run is listed if its change is at least this share of the sum of absolute changes.
NOTABLE = 0.05


def load_overhead(path: Path) -> pd.DataFrame:
    """Read overhead.csv and check its columns.

    Raises
    ------
    NoisegridError
        If the file cannot be read, or lacks a column.
    """
    try:
        text = path.read_text()
        frame = pd.read_csv(io.StringIO(text), dtype={"kernel": str, "module": str, "note": str, "against": str})
    except (OSError, ValueError) as error:
        raise NoisegridError(f"cannot read {path}: {error}") from error
    missing = {"hardware", "network", "arm", "measure", "value", "block"} - set(frame.columns)
    if missing:
        raise NoisegridError(
            f"{path} lacks the columns {', '.join(sorted(missing))}; run `snakemake` to write it again"
        )
    words = ["against", "kernel", "module", "note", "direction"]
    frame[words] = frame[words].fillna("")
    return frame


def overhead_ratios(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per hardware, network and arm that ran.

    Hardware and networks are in the order of the file, and arms in that of the catalog.

    Returns
    -------
    pandas.DataFrame
        `step_ms` is the median over blocks. `ratio` is the step time divided by that of the arm in `against`: the
        median over blocks, with the 95 % interval `low` to `high`. `kernel_ratio` is the ratio of summed kernel times.
    """
    rows = []
    for key, part in frame.groupby(KEY, sort=False):
        steps = {arm: rows_of["value"].tolist() for arm, rows_of in _measure(part, "step").groupby("arm", sort=False)}
        sums = {arm: stats.median(rows_of["value"]) for arm, rows_of in _measure(part, "kernel_sum").groupby("arm")}
        for arm in [arm for name, arm in arms().items() if name in steps]:
            against = arm.against if arm.against in steps else ""
            ratio = stats.ratio_of_blocks(steps[arm.name], steps[against]) if against else [np.nan] * 3
            of_arm = part[part["arm"] == arm.name]
            rows.append(
                dict(zip(KEY, key, strict=True))
                | {"arm": arm.name, "against": against, "step_ms": stats.median(steps[arm.name])}
                | dict(zip(("ratio", "low", "high"), ratio, strict=True))
                | {"increase_percent": 100 * (ratio[0] - 1)}
                | {"kernel_ratio": sums.get(arm.name, np.nan) / sums.get(against, np.nan)}
                | {"first_step_ms": _one(of_arm, "first_step"), "repeatable": _yes_no(_one(of_arm, "repeatable"))}
                | {"first_differing_step": _one(of_arm, "first_differing_step"), "blocks": len(steps[arm.name])}
                | {"batch_size": int(part["batch_size"].iloc[0]), "size_px": int(part["size_px"].iloc[0])}
                | _notes(of_arm)
            )
    return pd.DataFrame(rows)


def skipped(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the arms that could not be run, with the reason."""
    return _measure(frame, "skipped")[[*KEY, "arm", "note"]].reset_index(drop=True)


def determinism(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `overhead_ratios` that compare deterministic algorithms with the framework's default."""
    table = overhead_ratios(frame)
    return table[(table["arm"] == DETERMINISTIC) & (table["against"] == REFERENCE)].reset_index(drop=True)


def kernel_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the kernels that explain the overhead: only one arm runs them, or their time differs notably (NOTABLE).

    Returns
    -------
    pandas.DataFrame
        `default_ms` and `deterministic_ms` are in ms per training step. `share_of_difference` is the kernel's
        deterministic minus default time, divided by the difference of the two sums. It is NaN if the sums are the same
        within SAME_TIME. `layers` names the modules that the kernel runs for, longest time first.
    """
    rows = []
    for key, part in _measure(frame, "kernel").groupby(KEY, sort=False):
        times = part.pivot_table(index="kernel", columns="arm", values="value", aggfunc="sum", fill_value=0.0)
        times = times.reindex(columns=[REFERENCE, DETERMINISTIC], fill_value=0.0)
        change = times[DETERMINISTIC] - times[REFERENCE]
        comparable = abs(change.sum()) > SAME_TIME * times[REFERENCE].sum()
        for kernel, (before, after) in times.iterrows():
            only = REFERENCE if after == 0 else DETERMINISTIC if before == 0 else ""
            if not only and abs(after - before) < NOTABLE * change.abs().sum():
                continue
            same = part[part["kernel"] == kernel]
            rows.append(
                dict(zip(KEY, key, strict=True))
                | {"kernel": kernel, "only_in": only, "default_ms": before, "deterministic_ms": after}
                | {"share_of_difference": change[kernel] / change.sum() if comparable else np.nan}
                | {"direction": ", ".join(dict.fromkeys(same["direction"])), "layers": _layers(same)}
            )
    columns = ["kernel", "only_in", "default_ms", "deterministic_ms", "share_of_difference", "direction", "layers"]
    return pd.DataFrame(rows, columns=[*KEY, *columns])


def provenance(frame: pd.DataFrame) -> str:
    """Return what every printed overhead must carry: n, shapes, device and versions."""
    steps = _measure(frame, "step")
    blocks = sorted(set(steps.groupby([*KEY, "arm"]).size()))
    n = f"{blocks[0]}" if len(blocks) == 1 else f"{blocks[0]} to {blocks[-1]}"
    count = "/".join(f"{value:.0f}" for value in sorted(set(steps["steps"])))
    devices = "; ".join(dict.fromkeys(frame["device"] + ", " + frame["versions"]))
    shapes = {
        f"{size:.0f} px, batch {batch:.0f}" for size, batch in zip(frame["size_px"], frame["batch_size"], strict=True)
    }
    return f"n = {n} blocks of {count} steps; {' / '.join(sorted(shapes))}; {devices}"


def title(network: str) -> str:
    """Return the title of a network for figures: that of the catalog, or its name."""
    return str(catalog("networks").get(network, {}).get("title", network))


def _layers(kernels: pd.DataFrame) -> str:
    """Name the modules that a kernel ran for, longest time first, at most three of them."""
    modules = kernels.groupby("module")["value"].sum().sort_values(ascending=False)
    names = [name or "(outside of any layer)" for name in modules.index]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _notes(of_arm: pd.DataFrame) -> dict[str, object]:
    """Return the note of an arm, and count the blocks with a different one (throttled, shared, capped)."""
    first = _measure(of_arm, "first_step")["note"]
    note = first.iloc[0] if len(first) else ""
    return {"disturbed_blocks": int((_measure(of_arm, "step")["note"] != note).sum()), "note": note}


def _measure(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    return frame[frame["measure"] == measure]


def _one(frame: pd.DataFrame, measure: str) -> float:
    values = _measure(frame, measure)["value"]
    return float(values.iloc[0]) if len(values) else np.nan


def _yes_no(value: float) -> str:
    return "" if np.isnan(value) else "yes" if value else "no"
