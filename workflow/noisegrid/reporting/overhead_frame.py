"""Load overhead.csv as a data frame, and compare the step times and the kernels of the arms."""

import io
import math
from pathlib import Path

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError, why
from noisegrid.common.schemas import catalog
from noisegrid.reporting.metrics_frame import check_names, check_schema
from noisegrid.study.arms import REFERENCE, UNITS, arms, inputs_of

KEY = ["hardware", "network"]
#: What stands beside every number from one process.
ONE_PROCESS = "conditional on one process"
DETERMINISTIC = "deterministic"
#: What is said where the overhead of determinism was not measured.
NO_DETERMINISM = "No network was timed with the arms default and deterministic (see the table of skipped arms)."
#: The summed kernel times of two arms count as equal if they differ by at most this share of the default arm's sum.
SAME_TIME = 0.02
#: A kernel that both arms run is listed if its time changes notably between the arms: the absolute change must be at
#: least this share of the absolute changes of all kernels, added up.
NOTABLE = 0.05


def load_overhead(path: Path) -> pd.DataFrame:
    """Read overhead.csv and check its columns.

    In files of earlier versions, one process timed each network, and the kernels were listed once.

    Raises
    ------
    NoisegridError
        If the file cannot be read, lacks a column or has a name that noisegrid does not write.
    """
    try:
        text = path.read_text(encoding="utf-8")
        words = ["against", "kernel", "module", "note", "direction"]
        frame = pd.read_csv(io.StringIO(text), dtype=dict.fromkeys(words, str))
    except (OSError, ValueError) as error:
        raise NoisegridError(f"cannot read {path}: {why(error)}; give the overhead.csv that Snakemake wrote") from error
    check_schema(frame, versions.OVERHEAD, path, also=(1, 2))
    old = bool((frame["schema"] != versions.OVERHEAD).any())
    if old:
        frame = frame.assign(process=0)
    missing = {"hardware", "network", "arm", "measure", "value", "process", "block"} - set(frame.columns)
    if missing:
        raise NoisegridError(
            f"{path} lacks the columns {', '.join(sorted(missing))}; run `snakemake` to write it again"
        )
    check_names(frame, ("hardware", "network", "arm", "measure", "against"), path)
    frame[words] = frame[words].fillna("")
    return _with_kernel_totals(frame) if old else frame


def _with_kernel_totals(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the content of a file of an earlier version with the rows `kernel_total` that version 3 added."""
    kernels, key = _measure(frame, "kernel"), [*KEY, "arm", "kernel"]
    ways = {column: "sum" if column == "value" else "first" for column in frame.columns.difference(key)}
    totals = kernels.groupby(key, as_index=False, sort=False).agg(ways)
    return pd.concat([frame, totals.assign(measure="kernel_total", module="", direction="")], ignore_index=True)


def block_ratios(frame: pd.DataFrame, arm: str, against: str) -> list[np.ndarray]:
    """Return, for each process that timed both arms, the ratios between neighbouring blocks.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows of one network on one kind of hardware.
    arm, against : str
        The names of the two arms.
    """
    steps = _measure(frame, "step").groupby(["process", "arm"], sort=True)["value"].apply(list)
    processes = dict.fromkeys(steps.index.get_level_values("process"))
    pairs = [(steps.get((process, arm), []), steps.get((process, against), [])) for process in processes]
    return [stats.block_ratios(*pair) for pair in pairs if all(pair)]


def overhead_ratios(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each combination of hardware, network and arm that was timed.

    Hardware entries and networks are in the order of overhead.csv. Arms are in the order of the catalog.

    Returns
    -------
    pandas.DataFrame
        `step_ms` is the median step time over the blocks of all processes. In each block, the step time of `arm` is
        divided by the step time of `against`; the median of these ratios is the ratio of a process. `ratio` is the
        geometric mean over processes, with the 95 % interval from `low` to `high` (see stats.ratio_over_processes).
        `kernel_ratio` is the ratio of the summed kernel times of these two arms, each the median over processes.
    """
    rows = []
    for key, part in frame.groupby(KEY, sort=False):
        steps = {arm: rows_of["value"].tolist() for arm, rows_of in _measure(part, "step").groupby("arm", sort=False)}
        sums = {arm: stats.median(rows_of["value"]) for arm, rows_of in _measure(part, "kernel_sum").groupby("arm")}
        for arm in [arm for name, arm in arms().items() if name in steps]:
            against = arm.against if arm.against in steps else ""
            ratios = block_ratios(part, arm.name, against)
            ratio = stats.ratio_over_processes(ratios) if ratios else stats.Estimate(np.nan, np.nan, np.nan)
            of_arm = part[part["arm"] == arm.name]
            rows.append(
                dict(zip(KEY, key, strict=True))
                | {"arm": arm.name, "against": against, "step_ms": stats.median(steps[arm.name])}
                | {"ratio": ratio.value, "low": ratio.low, "high": ratio.high}
                | {"increase_percent": 100 * (ratio.value - 1)}
                | {"kernel_ratio": sums.get(arm.name, np.nan) / sums.get(against, np.nan)}
                | {"first_step_ms": _median(of_arm, "first_step"), "repeatable": _yes_no(_one(of_arm, "repeatable"))}
                | {"first_differing_step": _one(of_arm, "first_differing_step"), "blocks": len(steps[arm.name])}
                | {"processes": _measure(of_arm, "step")["process"].nunique()}
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
    the two arms differ notably (see NOTABLE). All times are means over processes, each of which profiled one pass.

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
        here = (frame["hardware"] == key[0]) & (frame["network"] == key[1])
        times = kernel_times(frame[here]).groupby("kernel").mean()
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


def kernel_times(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the times of the kernels of the default and the deterministic arm, in ms per training step.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows of one network on one kind of hardware.

    Returns
    -------
    pandas.DataFrame
        A column for each of the two arms, and a row for each process and kernel. A kernel that an arm does not run in
        a process has the time 0. Without profiled kernels, there are no rows.
    """
    totals, index = _measure(frame, "kernel_total"), ["process", "kernel"]
    table = totals.pivot_table(index=index, columns="arm", values="value", aggfunc="sum", fill_value=0.0)
    table = table.reindex(columns=[REFERENCE, DETERMINISTIC], fill_value=0.0)
    if totals.empty:
        return table
    return table.reindex(pd.MultiIndex.from_product(table.index.remove_unused_levels().levels), fill_value=0.0)


def provenance(frame: pd.DataFrame) -> str:
    """Return the text that must accompany every printed overhead.

    The text has the number of processes (n), the numbers of blocks per process and steps per block, image size, batch
    size, device and versions. With one process, it says so.
    """
    steps = _measure(frame, "step")
    by_network = steps.groupby(KEY)["process"].nunique()
    n = _range(by_network)
    noun = f"process ({ONE_PROCESS})" if by_network.max() == 1 else "processes"
    blocks = _range(steps.groupby([*KEY, "arm", "process"]).size())
    count = "/".join(f"{value:.0f}" for value in sorted(set(steps["steps"])))
    devices = "; ".join(dict.fromkeys(frame["device"] + ", " + frame["versions"]))
    sizes = zip(frame["network"], frame["size_px"], frame["batch_size"], strict=True)
    shapes = {_shape(*size) for size in sizes}
    return f"n = {n} {noun} of {blocks} blocks of {count} steps; {' / '.join(sorted(shapes))}; {devices}"


def inputs_title(row: pd.Series) -> str:
    """Return the size of the inputs and the batch size of a row of `overhead_ratios`, e.g. "32 px, batch 4"."""
    return _shape(row["network"], row["size_px"], row["batch_size"])


def _shape(network: str, size: float, batch: float) -> str:
    # overhead.csv does not say what a network of the user takes
    inputs = f"{size:.0f} {UNITS[inputs_of(network)]}" if network in catalog("networks") else f"size {size:.0f}"
    return f"{inputs}, batch {batch:.0f}"


def largest(table: pd.DataFrame) -> tuple[pd.Series, str, str]:
    """Choose the row with the largest cost that the runs show or, if they show none, with the largest ratio.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of `overhead_ratios`, at least one.

    Returns
    -------
    row : pandas.Series
        The row.
    place : str
        Its place among several, such as "the largest of 3"; empty if there is one row only.
    why : str
        Why it does not tell the two arms apart; empty if it does. The row is chosen among several, so its interval is
        widened by Bonferroni's correction before it is compared with 1.
    """
    reasons = pd.Series([_why_undecided(row, len(table)) for _, row in table.iterrows()], table.index)
    costs = table[(reasons == "") & (table["ratio"] > 1)]
    first = table["ratio"].idxmax()
    found = costs["ratio"].idxmax() if len(costs) else first
    place = "" if len(table) == 1 else f"the largest{'' if found == first else ' shown'} of {len(table)}"
    return table.loc[found], place, str(reasons[found])


def _why_undecided(row: pd.Series, comparisons: int) -> str:
    """Return why a row, one of several that are compared, does not tell two arms apart; empty if it does."""
    processes = row["processes"]
    if processes < stats.FEWEST:
        return f"fewer than {stats.FEWEST} processes decide nothing"
    # the interval is Student's, on the logarithms
    error = math.log(row["high"] / row["low"]) / 2 / stats.student_quantile(processes - 1)
    estimate = stats.Estimate(math.log(row["ratio"]), np.nan, np.nan, error, processes - 1)
    (wide,) = stats.simultaneous([estimate], comparisons)
    if wide.low > 0 or wide.high < 0:
        return ""
    several = f", corrected for {comparisons} networks," if comparisons > 1 else ""
    return f"the interval{several} contains 1 (no cost)"


def _range(counts: pd.Series) -> str:
    return f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def _layers(kernels: pd.DataFrame) -> str:
    """Return the names of the three modules for which a kernel ran longest, and the number of other modules."""
    modules = kernels.groupby("module")["value"].sum().sort_values(ascending=False)
    names = [name or "(outside of any layer)" for name in modules.index]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _notes(of_arm: pd.DataFrame) -> dict[str, object]:
    """Return what a reader must know of an arm, and the number of timed blocks with another note than the first step.

    The note is that of the first step. It also says if there was only one process.
    """
    first, steps = _measure(of_arm, "first_step")["note"], _measure(of_arm, "step")
    note = first.iloc[0] if len(first) else ""
    single = ONE_PROCESS if steps["process"].nunique() == 1 else ""
    return {"disturbed_blocks": int((steps["note"] != note).sum()), "note": "; ".join(filter(None, [note, single]))}


def _measure(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    return frame[frame["measure"] == measure]


def _median(frame: pd.DataFrame, measure: str) -> float:
    return float(_measure(frame, measure)["value"].median())


def _one(frame: pd.DataFrame, measure: str) -> float:
    values = _measure(frame, measure)["value"]
    return float(values.iloc[0]) if len(values) else np.nan


def _yes_no(value: float) -> str:
    return "" if np.isnan(value) else "yes" if value else "no"
