"""The registry of figures and tables. To add a figure or table, add an entry here and write the function that makes it.

A figure also needs its caption, in workflow/report/figures/NAME.rst.

The Snakefile imports this module, which therefore imports neither Matplotlib nor pandas.

An entry specifies its function as `module:function`. The module is part of this subpackage, and is imported only when
the function is called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from noisegrid.study.sources import CROSSED
from noisegrid.study.study import EPOCHS, Study

METRICS, OVERHEAD = "metrics.csv", "overhead.csv"
#: Besides CROSSED, what `Entry.cells` can be.
NOT_CROSSED, ALL = "not crossed", "all"
#: The formats in which figures and tables are written.
FIGURE_SUFFIXES, TABLE_SUFFIXES = ("pdf", "png", "svg", "narrow.svg"), ("csv", "md", "tex", "html")


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
    # cells with different numbers of seed sets do not have the same seeds
    pairs = [(cell.task, cell.noise, cell.seed_sets) for cell in study.cells]
    return len(set(pairs)) < len(pairs)


def _compares_methods(study: Study) -> bool:
    return bool(study.versus)


def _has_ensembles(study: Study) -> bool:
    """Return whether a cell has at least four runs that share no held seeds, whose logits are kept."""
    enough = (cell.replicates >= 4 and cell.seed_sets == 1 and cell.free and not cell.crossed for cell in study.cells)
    return "logits" in study.keep and any(enough)


def _keeps_epochs(study: Study) -> bool:
    return EPOCHS in study.keep


def _compares_noises(study: Study) -> bool:
    return len(set(study.values("noise")) - {CROSSED}) > 1


def _has_single_sources(study: Study) -> bool:
    return len(set(study.values("noise")) - {"control", CROSSED}) > 3


@dataclass(frozen=True)
class Entry:
    """A figure or a table.

    Attributes
    ----------
    name : str
        The name of the figure or table, which is also the stem of its files.
    function : str
        The function of this subpackage that makes the figure or table from a data frame, as `module:function`.
    applies : callable
        A function that takes a study, and returns whether the study provides the data for the figure or table.
    data : str
        Name of the file that contains the data: metrics.csv or overhead.csv.
    caption : str
        What a table shows; it appears above the table. Empty for a figure: its caption is in workflow/report/figures.
    cells : str
        Which cells the figure or table is about: NOT_CROSSED, CROSSED or ALL. The others do not enter its caption.
    """

    name: str
    function: str
    applies: Callable[[Study], bool] = _always
    data: str = METRICS
    caption: str = ""
    cells: str = NOT_CROSSED

    def rows(self, frame: Any) -> Any:
        """Return the rows of metrics.csv that the figure or table is about; all rows if the study has no such cells."""
        crossed = frame["noise"] == CROSSED
        part = frame if self.cells == ALL else frame[crossed if self.cells == CROSSED else ~crossed]
        return frame if part.empty else part

    @property
    def optional(self) -> bool:
        """Whether only some studies provide the data."""
        return self.applies is not _always

    def make(self, frame: Any) -> Any:
        """Make the figure or table from a data frame, by calling the function registered for this entry."""
        module, _, function = self.function.partition(":")
        return getattr(import_module(f"noisegrid.reporting.{module}"), function)(frame)


FIGURES = {
    entry.name: entry
    for entry in (
        Entry("figure_overview", "figures_overview:figure_overview", _compares_noises),
        Entry("figure_1", "figures_noise:figure_1", _measures("algo_impl", "algo", "impl", "control")),
        Entry("figure_2", "figures_noise:figure_2", _has_batch_norm_twins),
        Entry("figure_3", "figures_classes:figure_3", _measures("algo_impl", "algo", "impl")),
        Entry("figure_4", "figures_classes:figure_4", _has_groups),
        Entry("figure_5", "figures_noise:figure_5", _has_several_hardware),
        Entry("figure_across", "figures_hardware:figure_across", _repeats_across_hardware),
        Entry("figure_6", "figures_overhead:figure_6", _times_networks, OVERHEAD),
        Entry("figure_7", "figures_kernels:figure_7", _times_networks, OVERHEAD),
        Entry("figure_8", "figures_noise:figure_8", _measures("order", "in_batch_order")),
        Entry("figure_sources", "figures_noise:figure_sources", _has_single_sources),
        Entry("figure_epochs", "figures_epochs:figure_epochs", _keeps_epochs),
        Entry("figure_components", "figures_components:figure_components", _measures(CROSSED), cells=CROSSED),
    )
}
TABLES = {
    entry.name: entry
    for entry in (
        Entry(
            "noise",
            "tables_cells:noise_table",
            caption="Accuracy and noise of every cell, with 95 % intervals (low, high)",
        ),
        Entry(
            "difference",
            "tables_cells:difference_table",
            caption=(
                "Which gain between two methods is real: the difference that run-to-run noise alone exceeds in 5 % of "
                "comparisons with n replicates each, replicates per method that a true gain requires for 80 % power "
                "(low and high: at the ends of the interval of the standard deviation), and half of the 95 % interval "
                "that sampling the test examples adds"
            ),
        ),
        Entry(
            "test_set",
            "tables_cells:test_set_table",
            caption=(
                "How much of the spread is about these test examples: the standard deviation of accuracy that would "
                "remain on an infinite test set, the share of the variance that would vanish (above 1 where the "
                "estimate of the rest is negative), and what the sampling of the test examples adds to the "
                "95 % interval of the mean accuracy. Classes are on the pages of the cells"
            ),
        ),
        Entry(
            "ensembles",
            "tables_cells:ensemble_table",
            _has_ensembles,
            caption=(
                "Less churn, at what price: accuracy and churn of the mean prediction of k runs. An ensemble of "
                "k runs costs k trainings, and k evaluations of each example. The ensembles of a cell share no run"
            ),
        ),
        Entry(
            "versus",
            "tables_cells:versus_table",
            _compares_methods,
            caption=(
                "Two methods: accuracy of b minus that of a; the verdict on b at 95 %; what sampling the test examples "
                "adds to the interval; the smallest difference that these runs can show; the probability that a run of "
                "b is better than one of a; the violation ratio of almost stochastic order (below 0.5, b is almost "
                "stochastically larger); and how many further runs or seed sets per method decide with 80 % power if "
                "the true difference is the observed one"
            ),
        ),
        Entry(
            "classes",
            "tables_cells:class_table",
            caption=(
                "Number of per-class standard deviations inside, above and below the 95 % range of independent errors; "
                "this is about each class by itself, while Figure 3 shows the ratio to the overall standard deviation "
                "(above: with the 95 % interval of a jackknife over runs or seed sets, the range and p of this number "
                "for independent errors, and the number at a false discovery rate of 5 %); the largest standard "
                "deviation of a class over the median of its own null, with the probability that independent errors "
                "give any class of the cell such a value (p); and the largest ratio of a "
                "class's standard deviation to the overall one"
            ),
        ),
        Entry(
            "components",
            "tables_cells:component_table",
            _measures(CROSSED),
            cells=CROSSED,
            caption=(
                "What share of the spread would go away if I held a source? Runs of a crossed cell differ in the seeds "
                "of several sources. share: a source's part of the variance of their predictions (which is the churn) "
                "or accuracy; it goes away, on average, if this source is held. The share of an interaction goes away "
                "only if all its sources are held. alone: what stays if this source alone is free, which includes its "
                "interactions (low and high: 95 % intervals). Where a source has few seeds, the intervals of its share "
                "and of the churn between crossed runs reach far up: three seeds have two degrees of freedom, and do "
                "not exclude that other seeds differ much more"
            ),
        ),
        Entry(
            "claims",
            "tables_claims:claims_table",
            caption=(
                "The paper's claims, tested on this study (intervals: 95 %; for C4 and C5 the range of "
                "independent errors; adjusted verdict: Holm's correction over the contexts of a claim)"
            ),
        ),
        Entry(
            "taxonomy",
            "tables_cells:taxonomy_table",
            cells=ALL,
            caption="Each noise of this study, and the sources that it leaves free",
        ),
        Entry(
            "published",
            "tables_claims:published_table",
            caption="The paper's own numbers that were verified (grade A: verbatim; grade C: inferred)",
        ),
        Entry(
            "reference",
            "tables_cells:reference_table",
            caption="The metrics of the same replicates, as the reference (the paper's published code) defines them",
        ),
        Entry(
            "overhead",
            "overhead_frame:overhead_ratios",
            _times_networks,
            OVERHEAD,
            caption=(
                "The overhead of each arm: step time (median over blocks), its ratio to the step time of the arm "
                "that it is compared with (with 95 % interval over processes), the ratio of summed kernel "
                "times, the duration of the first step (which includes the choice of kernels and compilation), "
                "and whether two runs from the same state are bitwise equal"
            ),
        ),
        Entry(
            "kernels",
            "overhead_frame:kernel_differences",
            _times_networks,
            OVERHEAD,
            caption=(
                "The kernels that explain the overhead: those that only the default or only the deterministic "
                "arm runs, or whose time differs notably; their share of the difference in summed kernel time; "
                "and their layers"
            ),
        ),
        Entry(
            "skipped",
            "overhead_frame:skipped",
            _times_networks,
            OVERHEAD,
            caption="Arms that were not timed, and why",
        ),
    )
}


def names_for(study: Study, entries: dict[str, Entry]) -> list[str]:
    """Return the names of the figures or tables for which a study provides the data."""
    return [name for name, entry in entries.items() if entry.applies(study)]
