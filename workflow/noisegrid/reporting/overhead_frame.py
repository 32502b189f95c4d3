"""Load overhead.csv as a data frame, and compare the step times and the kernels of the arms."""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError, why
from noisegrid.common.schemas import catalog
from noisegrid.reporting.metrics_frame import check_names, check_schema
from noisegrid.study.arms import REFERENCE, arms

KEY = ["hardware", "network"]
DETERMINISTIC = "deterministic"
#: The summed kernel times of two arms count as equal if they differ by at most this share of the default arm's sum.
SAME_TIME = 0.02
#: A kernel that both arms run is listed if its time changes notably between the arms: the absolute change must be at
#: least this share of the absolute changes of all kernels, added up.
NOTABLE = 0.05


def load_overhead(path: Path) -> pd.DataFrame:
    """Read overhead.csv and check its columns.

    Raises
    ------
    NoisegridError
        If the file cannot be read, lacks a column or has a name that noisegrid does not write.
    """
    try:
        text = path.read_text()
        frame = pd.read_csv(io.StringIO(text), dtype={"kernel": str, "module": str, "note": str, "against": str})
    except (OSError, ValueError) as error:
        raise NoisegridError(f"cannot read {path}: {why(error)}; give the overhead.csv that Snakemake wrote") from error
    check_schema(frame, versions.OVERHEAD, path)
    missing = {"hardware", "network", "arm", "measure", "value", "block"} - set(frame.columns)
    if missing:
        raise NoisegridError(
            f"{path} lacks the columns {', '.join(sorted(missing))}; run `snakemake` to write it again"
        )
    check_names(frame, ("hardware", "network", "arm", "measure", "against"), path)
    words = ["against", "kernel", "module", "note", "direction"]
    frame[words] = frame[words].fillna("")
    return frame


def overhead_ratios(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each combination of hardware, network and arm that was timed.

    Hardware entries and networks are in the order of overhead.csv. Arms are in the order of the catalog.

    Returns
    -------
    pandas.DataFrame
        `step_ms` is the median step time over blocks. In each block, the step time of `arm` is divided by the step time
        of `against`; `ratio` is the median of these ratios, with the 95 % interval from `low` to `high`. `kernel_ratio`
        is the ratio of the summed kernel times of these two arms.
    """
    rows = []
    for key, part in frame.groupby(KEY, sort=False):
        steps = {arm: rows_of["value"].tolist() for arm, rows_of in _measure(part, "step").groupby("arm", sort=False)}
        sums = {arm: stats.median(rows_of["value"]) for arm, rows_of in _measure(part, "kernel_sum").groupby("arm")}
        for arm in [arm for name, arm in arms().items() if name in steps]:
            against = arm.against if arm.against in steps else ""
            ratio = stats.ratio_of_blocks(steps[arm.name], steps[against]) if against else stats.Estimate(*[np.nan] * 3)
            of_arm = part[part["arm"] == arm.name]
            rows.append(
                dict(zip(KEY, key, strict=True))
                | {"arm": arm.name, "against": against, "step_ms": stats.median(steps[arm.name])}
                | {"ratio": ratio.value, "low": ratio.low, "high": ratio.high}
                | {"increase_percent": 100 * (ratio.value - 1)}
                | {"kernel_ratio": sums.get(arm.name, np.nan) / sums.get(against, np.nan)}
                | {"first_step_ms": _one(of_arm, "first_step"), "repeatable": _yes_no(_one(of_arm, "repeatable"))}
                | {"first_differing_step": _one(of_arm, "first_differing_step"), "blocks": len(steps[arm.name])}
                | {"batch_size": int(part["batch_size"].iloc[0]), "size_px": int(part["size_px"].iloc[0])}
                | _notes(of_arm)
            )
    return pd.DataFrame(rows)


def skipped(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the arms that could not be run, with the reason for each."""
    return _measure(frame, "skipped")[[*KEY, "arm", "note"]].reset_index(drop=True)


def determinism(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `overhead_ratios` that compare the deterministic arm with the default arm."""
    table = overhead_ratios(frame)
    return table[(table["arm"] == DETERMINISTIC) & (table["against"] == REFERENCE)].reset_index(drop=True)


def kernel_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the kernels that explain the overhead.

    These are the kernels that only the default arm or only the deterministic arm runs, and the kernels whose times in
    the two arms differ notably (see NOTABLE).

    Returns
    -------
    pandas.DataFrame
        `default_ms` and `deterministic_ms` are the times of the kernel in the two arms, in ms per training step.
        `share_of_difference` is the difference between these two times, divided by the difference between the summed
        kernel times of the two arms. It is NaN if the two sums count as equal (see SAME_TIME). `layers` lists the
        modules for which the kernel runs, longest time first.
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
    """Return the text that must accompany every printed overhead.

    The text has the number of blocks per arm (n), the number of steps per block, image size, batch size, device and
    versions.
    """
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
    """Return the title of a network for figures: the title in the catalog or, if it has none, the network's name."""
    return str(catalog("networks").get(network, {}).get("title", network))


def _layers(kernels: pd.DataFrame) -> str:
    """Return the names of the three modules for which a kernel ran longest, and the number of other modules."""
    modules = kernels.groupby("module")["value"].sum().sort_values(ascending=False)
    names = [name or "(outside of any layer)" for name in modules.index]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _notes(of_arm: pd.DataFrame) -> dict[str, object]:
    """Return the note of an arm's first step, and the number of timed blocks that have another note than this one."""
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
