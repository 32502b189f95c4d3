"""Hand-made input for tests: metrics whose every number is another one, so that a swapped column is noticed."""

import itertools

import pandas as pd

from noisegrid.measuring.cell import COLUMNS
from noisegrid.study.sources import FREE

CLASSES = 3
METRICS = (
    ("accuracy_mean", "percent"), ("accuracy_std", "percentage points"), ("churn", "percent"), ("l2_unit", "1"),
    ("l2_raw", "1"), ("l2_raw_buffers", "1"), ("logit_correlation", "1"), ("calibration_error", "percent"),
    ("reference_accuracy_std", "percentage points"), ("reference_agreement_midpoint", "percent"),
    ("reference_l2_midpoint", "1"), ("class_std_ratio_max", "1"), ("replicates_diverged", "count"),
    ("replicates_failed", "count"),
)  # fmt: skip


def metrics_frame(
    tasks: tuple[str, ...] = ("net-data",), noise: tuple[str, ...] = ("algo_impl", "algo", "impl", "control")
) -> pd.DataFrame:
    """Return metrics of cells on the hardware `cpu`, as `load_metrics` gives them.

    The values of a cell are consecutive integers from a thousand times its number on; low is 0.25 less, high 0.5 more.
    In the control cell everything is 0.
    """
    rows = []
    for number, (task, name) in enumerate(itertools.product(tasks, noise), 1):
        common = {
            "study": "s",
            "hardware": "cpu",
            "task": task,
            "noise": name,
            "interval": "t over runs",
            "n_replicates": 10,
            "n_pairs": 45,
            "n_examples": 200,
            "device": "a processor",
            "versions": "torch 9",
            "without_batch_norm": task.replace("_bn", "") if "_bn" in task else "",
        }
        per_class = [
            (metric, f"class {k}") for metric in ("class_accuracy_std", "class_std_ratio") for k in range(CLASSES)
        ]
        named = [(metric, unit, "all") for metric, unit in METRICS] + [
            (metric, "1", group) for metric, group in per_class
        ]
        for place, (metric, unit, group) in enumerate(named):
            value = 0.0 if name == "control" else 1000.0 * number + place
            ends = {"value": value, "low": value and value - 0.25, "high": value and value + 0.5}
            null = {"null_low": value - 2, "null_median": value - 1.5, "null_high": value - 1}
            rows.append(common | ends | null | {"metric": metric, "unit": unit, "group": group})
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.assign(noise=pd.Categorical(frame["noise"], list(FREE), ordered=True))


def value_of(frame: pd.DataFrame, noise: str, metric: str, end: str = "value", group: str = "all") -> float:
    """Return one number of the first task of such a frame."""
    here = (frame["noise"] == noise) & (frame["metric"] == metric) & (frame["group"] == group)
    return float(frame.loc[here, end].iloc[0])
