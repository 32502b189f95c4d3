"""The registry of figures and tables. To add a figure or table, add an entry here and write the function that makes it.

The Snakefile imports this module, which therefore imports neither Matplotlib nor pandas.

An entry specifies its function as `module:function`. The module is part of this subpackage, and is imported only when
the function is called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from noisegrid.study.study import Study

METRICS, OVERHEAD = "metrics.csv", "overhead.csv"


def _always(study: Study) -> bool:
    return True


def _times_networks(study: Study) -> bool:
    return bool(study.timed_networks)


def _measures(*noise: str) -> Callable[[Study], bool]:
    """Return a function that tells whether a study measures at least one of the given kinds of noise."""

    def applies(study: Study) -> bool:
        return not set(study.values("noise")).isdisjoint(noise)

    return applies


def _has_batch_norm_twins(study: Study) -> bool:
    return any(cell.without_batch_norm in study.values("task") for cell in study.cells)


def _has_groups(study: Study) -> bool:
    return any(study.datasets[name].get("groups") for name in study.values("dataset"))


def _has_several_hardware(study: Study) -> bool:
    return len(study.values("hardware")) > 1


def _repeats_across_hardware(study: Study) -> bool:
    pairs = [(cell.task, cell.noise) for cell in study.cells]
    return len(set(pairs)) < len(pairs)


def _has_single_sources(study: Study) -> bool:
    return len(set(study.values("noise")) - {"control"}) > 3


@dataclass(frozen=True)
class Entry:
    """A figure or a table.

    Attributes
    ----------
    name : str
        The name of the figure or table, which is also the stem of its files.
    function : str
        The function of this subpackage that makes the figure or table from a data frame, as `module:function`.
    caption : str
        What the figure or table shows. The caption appears in the report and, for a table, also above the table.
    applies : callable
        A function that takes a study, and returns whether the study provides the data for the figure or table.
    data : str
        Name of the file that contains the data: metrics.csv or overhead.csv.
    """

    name: str
    function: str
    caption: str
    applies: Callable[[Study], bool] = _always
    data: str = METRICS

    def make(self, frame: Any) -> Any:
        """Make the figure or table from a data frame, by calling the function registered for this entry."""
        module, _, function = self.function.partition(":")
        return getattr(import_module(f"noisegrid.reporting.{module}"), function)(frame)


FIGURES = {
    entry.name: entry
    for entry in (
        Entry(
            "figure_1",
            "figures:figure_1",
            "Figure 1 of the paper: standard deviation of top-1 accuracy, predictive churn (share of test images "
            "on which two runs disagree, over all pairs) and L2 distance between final weights of unit length, by "
            "task and noise. Lines are 95 % intervals. The grey range contains the standard deviation (95 %) if "
            "errors on test images are independent of each other.",
        ),
        Entry(
            "figure_2",
            "figures:figure_2",
            "Figure 2 of the paper: the measures of Figure 1 for the small CNN without (filled) and with (open) batch "
            "normalisation. Lines are 95 % intervals.",
            _has_batch_norm_twins,
        ),
        Entry(
            "figure_3",
            "figures:figure_3",
            "Figure 3 of the paper: standard deviation of the accuracy on each class, divided by the overall standard "
            "deviation. The grey range contains this ratio (95 %) if errors on test images are independent of each "
            "other. Only a marker above the range shows that noise affects a class more than chance explains.",
            _measures("algo_impl", "algo", "impl"),
        ),
        Entry(
            "figure_4",
            "figures:figure_4",
            "Figure 4 of the paper: spread of accuracy, false-positive and false-negative rate on the target "
            "attribute, overall and by sub-group, with each group's positives and negatives. The grey range "
            "contains the spread (95 %) if errors on test images are independent of each other.",
            _has_groups,
        ),
        Entry(
            "figure_5",
            "figures:figure_5",
            "Figure 5 of the paper: the measures of Figure 1 by accelerator, for the paper's kinds of noise.",
            _has_several_hardware,
        ),
        Entry(
            "figure_across",
            "figures:figure_across",
            "Beyond the paper: churn and L2 distance between runs with the same seeds on two kinds of hardware (×), "
            "beside those between two runs on the same hardware.",
            _repeats_across_hardware,
        ),
        Entry(
            "figure_6",
            "figures_overhead:figure_6",
            "Figure 6 of the paper: the time of a training step with deterministic algorithms divided by its time "
            "with PyTorch's defaults, by network (left, with the paper's three published maxima) and by the "
            "kernel size of the medium CNN (right).",
            _times_networks,
            OVERHEAD,
        ),
        Entry(
            "figure_7",
            "figures_overhead:figure_7",
            "Figure 7 of the paper: the time of each kernel, in the networks with the largest overhead.",
            _times_networks,
            OVERHEAD,
        ),
        Entry(
            "figure_8",
            "figures:figure_8",
            "Figure 8 of the paper (data order): the noise from the order of all examples, and from their order "
            "inside each batch alone, beside all algorithmic noise. A different order inside a batch changes only "
            "the order in which numbers are added.",
            _measures("order", "in_batch_order"),
        ),
        Entry(
            "figure_sources",
            "figures:figure_sources",
            "Beyond the paper: every source alone, beside all of them together. Lines are 95 % intervals. The "
            "grey range contains the standard deviation (95 %) if errors on test images are independent of each "
            "other.",
            _has_single_sources,
        ),
    )
}
TABLES = {
    entry.name: entry
    for entry in (
        Entry("noise", "tables:noise_table", "Accuracy and noise of every cell, with 95 % intervals (low, high)"),
        Entry(
            "difference",
            "tables:difference_table",
            "Which gain between two methods is real: smallest observed gain that is significant in a two-sided t "
            "test at 95 % with n replicates each (low and high: from the interval of the standard deviation), and "
            "replicates per method that a true gain requires for 80 % power (high: at the upper end of that "
            "interval)",
        ),
        Entry(
            "classes",
            "tables:class_table",
            "Number of per-class standard deviations inside, above and below the 95 % range of independent "
            "errors, and the largest ratio of a class's standard deviation to the overall one, with the 95 % "
            "range of this ratio for independent errors",
        ),
        Entry(
            "claims",
            "tables:claims_table",
            "The paper's claims, tested on this study (intervals: 95 %; for C4 and C5 the range of independent errors)",
        ),
        Entry("taxonomy", "tables:taxonomy_table", "Each noise of this study, and the sources that it leaves free"),
        Entry(
            "published",
            "tables:published_table",
            "The paper's own numbers that were verified (grade A: verbatim; grade C: inferred)",
        ),
        Entry(
            "reference",
            "tables:reference_table",
            "The metrics of the same replicates, as the reference (the paper's published code) defines them",
        ),
        Entry(
            "overhead",
            "overhead_frame:overhead_ratios",
            "The overhead of each arm: step time (median over blocks), its ratio to the step time of the arm that it "
            "is compared with (median over blocks, with 95 % interval), the ratio of summed kernel times, the "
            "duration of the first step (which includes the choice of kernels and compilation), and whether two "
            "runs from the same state are bitwise equal",
            _times_networks,
            OVERHEAD,
        ),
        Entry(
            "kernels",
            "overhead_frame:kernel_differences",
            "The kernels that explain the overhead: those that only the default or only the deterministic arm "
            "runs, or whose time differs notably; their share of the difference in summed kernel time; and their "
            "layers",
            _times_networks,
            OVERHEAD,
        ),
        Entry(
            "skipped",
            "overhead_frame:skipped",
            "Arms that were not timed, and why",
            _times_networks,
            OVERHEAD,
        ),
    )
}


def names_for(study: Study, entries: dict[str, Entry]) -> list[str]:
    """Return the names of the figures or tables for which a study provides the data."""
    return [name for name, entry in entries.items() if entry.applies(study)]
