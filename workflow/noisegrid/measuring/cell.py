"""The metrics of one cell, computed from its replicates.

Each row of metrics.csv has the number of replicates. Many rows also have an interval, a null or both. Every byte of a
replicate is checked when the replicate is read. If two replicates differ in something that their cell holds fixed, such
as the weights in a control cell, the error message names both replicates.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid import stats
from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import csv_text
from noisegrid.common.notes import join_notes
from noisegrid.records import chunk_file
from noisegrid.records.predictions import blocks
from noisegrid.records.record import Replicate, check_belongs, entry, read, replicate_folder, shared_keys, versions_of
from noisegrid.records.stored import StoredArray
from noisegrid.stats import Estimate, Null
from noisegrid.study.seeds import levels
from noisegrid.study.sources import ALGORITHMIC, seed_note
from noisegrid.study.study import Cell

Array = np.ndarray
Row = dict[str, Any]
#: Columns of metrics.csv. `unit` applies to `value`, `low`, `high`, `error` and `null_*`. Fields that do not apply are
#: empty. `error` and `freedom` are the standard error and its degrees of freedom. `p` is the share of the null that is
#: at least as large as the value. `note` says what a reader must know about the number.
COLUMNS = (
    "study", "hardware", "task", "noise", "metric", "group", "unit", "value", "low", "high", "interval", "error",
    "freedom", "null_median", "null_low", "null_high", "p", "n_replicates", "seed_sets", "n_pairs", "n_examples",
    "device", "versions", "without_batch_norm", "note", "schema",
)  # fmt: skip


def load_replicates(cell: Cell, chunks: list[Path], results: Path) -> tuple[list[Replicate], dict[str, int]]:
    """Read the finished replicates of a cell, check every file, and count the replicates that diverged or failed.

    Parameters
    ----------
    cell : Cell
        The cell.
    chunks : list of Path
        The chunk files that list the replicates of the cell, and perhaps chunk files of other cells.
    results : Path
        Folder that contains the results of all studies.

    Returns
    -------
    tuple of list of Replicate and dict
        The finished replicates, and the number of lost replicates under the keys `diverged` and `failed`.

    Raises
    ------
    NoisegridError
        If a replicate is damaged or is not the one that its chunk file lists, or if fewer than two replicates finished.
    """
    finished, lost = [], {"diverged": 0, "failed": 0}
    for path in chunks:
        chunk = chunk_file.read(path).get(cell.path)
        if chunk is None:
            continue  # the chunk contains other cells
        lost = {fate: count + len(chunk[fate]) for fate, count in lost.items()}
        for number, expected in chunk["weight_hashes"].items():
            replicate = read(replicate_folder(results, cell, int(number)))
            check_belongs(replicate.record, cell, replicate.folder)
            if replicate.record["weight_hash"] != expected or replicate.record["replicate"] != int(number):
                raise NoisegridError(
                    f"{replicate.folder} is not the replicate that {path} lists; delete {path} and run Snakemake, "
                    "which writes it anew from the finished replicates"
                )
            finished.append(replicate)
    if len(finished) < 2:
        raise NoisegridError(
            f"{cell.path}: {len(finished)} of {cell.replicates} replicates finished; a spread needs two"
        )
    return finished, lost


def check_together(cell: Cell, replicates: list[Replicate]) -> None:
    """Raise NoisegridError if the replicates of a cell differ in something that the cell holds fixed.

    All replicates must have the same code, device model, version of torch and dataset. Within each seed set,
    the initial weights must be bitwise equal unless `init` is free. In a control cell, the final weights must be
    bitwise equal too. In a crossed cell, replicates with the same level of a source must have the same seed of it. With
    the same level of `init`, they must also have the same initial weights, and with the same level of `impl` the same
    switches.
    """
    _check_same(cell, replicates, shared_keys(cell))
    held = [] if "init" in cell.free else ["initial_weight_hash"]
    held += ["weight_hash"] if cell.noise == "control" else []
    for pair in range(cell.seed_sets):
        _check_same(cell, [r for r in replicates if r.record["replicate"] % cell.seed_sets == pair], held)
    more = {"init": ["initial_weight_hash"], "impl": ["flags"]}
    for source, level in ((source, level) for source, count in cell.crossed.items() for level in range(count)):
        sharing = [r for r in replicates if levels(cell.crossed, r.record["replicate"])[source] == level]
        _check_same(cell, sharing, [f"seeds.{source}", *more.get(source, [])], f"the level {level} of {source}")


def _check_same(cell: Cell, replicates: list[Replicate], keys: Iterable[str], holder: str = "this cell") -> None:
    for key, other in itertools.product(keys, replicates[1:]):
        values = [entry(replicate.record, key) for replicate in (replicates[0], other)]
        if values[0] != values[1]:
            raise NoisegridError(
                f"{cell.path}: {replicates[0].folder} and {other.folder} differ in {key} "
                f"({values[0]} and {values[1]}), which {holder} holds fixed"
            )


@dataclass(frozen=True)
class Predictions:
    """The predictions of the replicates of a cell.

    Each prediction is about one unit: a test image or, if the dataset has attributes, one attribute of a test image.

    Attributes
    ----------
    labels : (examples,) or (examples, attributes)
        The true classes, or the true attributes as 0 and 1.
    predicted, midpoint : (replicates, units), int16
        Predictions after all epochs, and predictions after half of the epochs.
    logits : list of (examples, classes), float32, or None
        Logits of each replicate after all epochs, which stay on disk. None if a replicate did not keep them.
    calibration : (replicates,) or None
        Expected calibration error in percent. None for attributes, and without logits.
    groups : dict
        The arrays `group` (whether each example is in each sub-group), `group_name` and `target` (index of the target
        attribute). Empty if the dataset has no sub-groups.
    """

    labels: Array
    predicted: Array
    midpoint: Array
    logits: list[StoredArray] | None
    calibration: Array | None
    groups: dict[str, Array]

    @property
    def correct(self) -> Array:
        """Whether each replicate's prediction for each unit is correct, as an array of shape (replicates, units)."""
        right: Array = self.predicted == self.labels.ravel()
        return right

    @property
    def class_of(self) -> Array:
        """The class of each unit, as an array of shape (units,).

        In a dataset with attributes, the class of a unit is the index of the attribute that the unit is about.
        """
        if self.labels.ndim == 1:
            return self.labels
        return np.tile(np.arange(self.labels.shape[1]), len(self.labels))

    @property
    def classes(self) -> int:
        """The number of classes (or attributes), as far as labels, predictions and logits show it."""
        if self.labels.ndim == 2:
            return int(self.labels.shape[1])
        known = self.logits[0].shape[-1] if self.logits else 0
        return max(int(self.labels.max()) + 1, int(self.predicted.max()) + 1, known)


def load_predictions(replicates: list[Replicate]) -> Predictions:
    """Load the predictions of the replicates of a cell.

    Logits are read a few examples at a time, because all of them do not fit into memory together.

    Raises
    ------
    NoisegridError
        If a logit is NaN or infinite.
    """
    first = replicates[0].predictions()
    labels = first["label"]
    predicted, midpoint = (np.empty((len(replicates), labels.size), np.int16) for _ in range(2))
    logits, calibration = list[StoredArray](), list[float]()
    for index, replicate in enumerate(replicates):
        arrays = replicate.predictions()
        predicted[index] = arrays["predicted"].ravel()
        midpoint[index] = arrays["midpoint_predicted"].ravel()
        _check_finite(replicate.folder, arrays)
        if "logits" in arrays:
            logits.append(arrays["logits"])
            if labels.ndim == 1:
                confidence = np.concatenate([stats.softmax(block).max(axis=1) for block in blocks(arrays["logits"])])
                right = arrays["predicted"] == labels
                calibration.append(100 * stats.expected_calibration_error(confidence, right))
    whole = len(logits) == len(replicates)
    return Predictions(
        labels=labels,
        predicted=predicted,
        midpoint=midpoint,
        logits=logits if whole else None,
        calibration=np.array(calibration) if whole and calibration else None,
        groups={key: first[key] for key in ("group", "group_name", "target") if key in first},
    )


def _check_finite(folder: Path, arrays: dict[str, Any]) -> None:
    """Raise NoisegridError if a logit is NaN or infinite. Training refuses such a run; older records may have one."""
    for name in ("logits", "midpoint_logits"):
        values = blocks(arrays[name]) if name in arrays else ()
        if bad := sum(int((~np.isfinite(block)).any(axis=-1).sum()) for block in values):
            raise NoisegridError(
                f"{folder}: the {name} of {bad} of {len(arrays[name])} test images are not finite: this replicate "
                "diverged; delete its folder and run Snakemake, which trains it anew and counts it as diverged"
            )


def measure(cell: Cell, replicates: list[Replicate], lost: dict[str, int]) -> list[Row]:
    """Return all metrics of a cell as rows of metrics.csv.

    A crossed cell has the accuracy of each run and the rows about its components. Its replicates share levels, so the
    intervals of all other metrics would be wrong. Metrics of the weights are left out if any replicate has no weights,
    and metrics of the logits if any has no logits.

    Parameters
    ----------
    cell : Cell
        The cell.
    replicates : list of Replicate
        The finished replicates of the cell.
    lost : dict
        The number of lost replicates under the keys `diverged` and `failed`.
    """
    found = load_predictions(replicates)
    numbers = np.array([replicate.record["replicate"] for replicate in replicates])
    seed_set = seed_set_of(cell, numbers)
    rng = np.random.default_rng(int(cell.digest, 16))
    rows = [
        *(metric_row(f"replicates_{fate}", "count", count) for fate, count in lost.items()),
        hash_row([replicate.record["weight_hash"] for replicate in replicates], seed_set),
    ]
    notes = dict[str, str]()
    if cell.crossed:
        rows += [*run_rows(found.correct, numbers), *component_rows(found, numbers, cell.crossed, rng)]
    else:
        rows += noise_rows(replicates, found, numbers, seed_set, rng)
        notes = outlier_notes(found.correct, found.predicted, numbers)
    common = common_columns(cell, replicates, found, seed_set)
    of_cell = seed_note(cell.noise, common["seed_sets"])
    return [common | row | {"note": join_notes(row["note"] or notes.get(row["metric"], ""), of_cell)} for row in rows]


def noise_rows(
    replicates: list[Replicate], found: Predictions, numbers: Array, seed_set: Array, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield the rows of a cell whose replicates differ in the seeds of one noise.

    Parameters
    ----------
    replicates : list of Replicate
        The finished replicates of the cell.
    found : Predictions
        Their predictions.
    numbers : (replicates,)
        The number that identifies each replicate.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    rng : numpy.random.Generator
        Source of the random numbers for the nulls.
    """
    yield from accuracy_rows(found.correct, numbers, seed_set)
    yield from pair_rows(found.predicted, found.logits, seed_set)
    if _all_have(replicates, "weights"):
        yield from weight_rows(replicates, seed_set)
    yield from class_rows(found.correct, found.class_of, seed_set, rng, found.classes)
    midpoints = replicates if _all_have(replicates, "midpoint_weights") else []
    yield from reference_rows(found.correct, found.midpoint, midpoints)
    if found.calibration is not None:
        yield mean_row("calibration_error", found.calibration, seed_set)
    if found.groups:
        yield from group_rows(found, seed_set, rng)
    yield from test_set_rows(found, seed_set)
    device = replicates[0].record["device"]
    if "multiprocessors" in device:
        yield metric_row("multiprocessors", "count", device["multiprocessors"])


def common_columns(cell: Cell, replicates: list[Replicate], found: Predictions, seed_set: Array) -> Row:
    """Return the columns that have the same value in all rows of a cell."""
    record = replicates[0].record
    return {
        "study": cell.study,
        "hardware": cell.hardware,
        "task": cell.task,
        "noise": cell.noise,
        "n_replicates": len(replicates),
        "seed_sets": len(np.unique(seed_set)),
        "n_examples": len(found.labels),
        "device": record["device"]["model"],
        "versions": versions_of(record),
        "without_batch_norm": cell.without_batch_norm,
        "schema": versions.METRICS,
    }


def seed_set_of(cell: Cell, numbers: Array) -> Array:
    """Return the index of the seed set of each replicate of a cell, given their numbers.

    Replicates of a seed set share the seeds of held sources. If all algorithmic sources are free, replicates share no
    such seeds, and all of them have the index 0.
    """
    return np.zeros_like(numbers) if cell.free >= ALGORITHMIC else numbers % cell.seed_sets


def outlier_notes(correct: Array, predicted: Array, numbers: Array) -> dict[str, str]:
    """Return a note for each metric whose interval is too narrow because one replicate lies apart from all others.

    Parameters
    ----------
    correct : (replicates, units), bool
        Whether each prediction is correct.
    predicted : (replicates, units)
        The prediction for each unit.
    numbers : (replicates,)
        The number that identifies each replicate.

    Returns
    -------
    dict
        The names of the metrics, and their notes.
    """
    churn = stats.churn_matrix(predicted).mean(axis=1)
    apart = {("accuracy_mean", "accuracy_std"): correct.mean(axis=1), ("churn",): churn}
    found = {metrics: stats.outlier(values) for metrics, values in apart.items()}
    return {
        metric: f"replicate {numbers[index]} lies apart from all others, so the interval is too narrow"
        for metrics, index in found.items()
        if index is not None
        for metric in metrics
    }


def _all_have(replicates: list[Replicate], which: str) -> bool:
    return all(replicate.has(which) for replicate in replicates)


def accuracy_rows(correct: Array, numbers: Array, seed_set: Array) -> Iterator[Row]:
    """Yield one row per replicate with its top-1 accuracy, and one row with the mean over all replicates.

    Parameters
    ----------
    correct : (replicates, units), bool
        Whether each prediction is correct.
    numbers : (replicates,)
        The number that identifies each replicate.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    yield from run_rows(correct, numbers)
    yield mean_row("accuracy_mean", 100 * correct.mean(axis=1), seed_set)


def run_rows(correct: Array, numbers: Array) -> Iterator[Row]:
    """Yield one row per replicate with its top-1 accuracy; the arguments are those of accuracy_rows."""
    for number, value in zip(numbers, 100 * correct.mean(axis=1), strict=True):
        yield metric_row("accuracy", "percent", float(value), group=f"replicate {number}")


def mean_row(
    metric: str, values: Array, seed_set: Array, group: str = "all", unit: str = "percent", n_pairs: int | None = None
) -> Row:
    """Return a row with the mean of a metric over all replicates, and the 95 % interval of this mean."""
    estimate = stats.mean(values, seed_set)
    return metric_row(metric, unit, estimate, f"t over {_units(seed_set)}", group, n_pairs=n_pairs)


def _units(seed_set: Array) -> str:
    """Return what an interval treats as independent: `sets` if there are several seed sets, otherwise `runs`."""
    return "runs" if len(np.unique(seed_set)) == 1 else "sets"


#: The outcomes of a crossed cell, with the name and unit of their spread: the square root of a variance, and a churn,
#: which is the variance of the predictions.
OUTCOMES = {"predictions": ("crossed_churn", "percent"), "accuracy": ("crossed_std", "percentage points")}


def component_rows(
    found: Predictions, numbers: Array, crossed: dict[str, int], rng: np.random.Generator
) -> Iterator[Row]:
    """Yield rows with the spread between runs that share no level, and with the shares of its sources.

    Each source and each interaction has a row with its own share, and each source one with the share that it has
    together with all its interactions. All values are NaN if a replicate is lost, because the design is then not
    balanced.

    Parameters
    ----------
    found : Predictions
        The predictions of a crossed cell.
    numbers : (replicates,)
        The number that identifies each replicate.
    crossed : dict
        The number of levels of each source.
    rng : numpy.random.Generator
        Source of the random numbers for the intervals.
    """
    sources = list(levels(crossed, 0))
    counts = tuple(crossed[source] for source in sources)
    runs, order = math.prod(counts), np.argsort(numbers)
    lost = runs - len(numbers)
    undefined = f"undefined: {lost} of the {runs} combinations of levels did not finish" if lost else ""
    distances = {
        "predictions": stats.churn_matrix(found.predicted[order]),
        "accuracy": stats.half_square_matrix(found.correct[order].mean(axis=1)),
    }
    for outcome, (spread, unit) in OUTCOMES.items():
        # without the lost replicates nothing is known, as if all runs were equal: each share is NaN
        result = stats.components(np.zeros((runs, runs)) if lost else distances[outcome], counts, rng)
        ends = np.array(result.variance[:3]) if not lost else np.full(3, np.nan)
        ends = 100 * (np.sqrt(ends) if outcome == "accuracy" else ends)
        yield metric_row(spread, unit, Estimate(*map(float, ends)), "generalised", note=undefined)
        for ending, shares in (("", result.own), ("_alone", result.alone)):
            for factors, share in shares.items():
                group = " × ".join(sources[factor] for factor in factors)
                percent = Estimate(*(100 * end for end in share[:3]))
                note = undefined or _note_of_share(percent, [counts[factor] for factor in factors])
                yield metric_row(f"component_{outcome}{ending}", "percent", percent, "generalised", group, note=note)


def _note_of_share(percent: Estimate, counts: list[int]) -> str:
    """Return what a reader must know about a share, given the numbers of levels of its sources."""
    if math.isnan(percent.value):
        return "undefined: all runs are equal"
    notes = ["negative estimate, shown as 0"] if percent.value < 0 else []
    notes += ["estimate above 100 %, shown as 100"] if percent.value > 100 else []
    if percent.low == percent.high:
        notes.append("all draws of the interval lie at this end of 0 to 100 %, so it has no width")
    elif counts == [2]:
        notes.append("two levels, so the interval is wide")
    return "; ".join(notes)


def pair_rows(predicted: Array, logits: Sequence[stats.Rows] | None, seed_set: Array) -> Iterator[Row]:
    """Yield rows with churn, computed from all predictions, and logit correlation, computed from a sample of examples.

    Parameters
    ----------
    predicted : (replicates, units)
        The prediction for each unit: a class or, for an attribute, 0 or 1.
    logits : sequence of (examples, classes), or None
        The logits of each replicate; None if they are not known.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    yield from _distance_rows("churn", "percent", 100 * stats.churn_matrix(predicted), seed_set)
    if logits is None:
        return
    # one minus the correlation is a distance with a zero diagonal, like churn
    for row in _distance_rows("logit_correlation", "1", 1 - stats.logit_correlation_matrix(logits), seed_set):
        yield row | {"value": 1 - row["value"], "low": 1 - row["high"], "high": 1 - row["low"]}


def hash_row(hashes: list[str], seed_set: Array) -> Row:
    """Return a row with the number of pairs of replicates in the same seed set that end with unequal weights.

    One such pair is proof that a noise changes the weights. The hashes are known even if no weights are kept.

    Parameters
    ----------
    hashes : list of str
        The hash of the final weights of each replicate.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    pairs = [(a, b) for a, b in itertools.combinations(range(len(hashes)), 2) if seed_set[a] == seed_set[b]]
    unequal = sum(hashes[a] != hashes[b] for a, b in pairs)
    return metric_row("unequal_weights", "count", unequal, n_pairs=len(pairs))


def weight_rows(replicates: list[Replicate], seed_set: Array) -> Iterator[Row]:
    """Yield rows with the L2 distance between final weights: raw and at unit length, each with and without buffers."""
    weights = [replicate.stored_weights() for replicate in replicates]
    for reading, matrix in stats.l2_matrices(weights, replicates[0].parameters).items():
        yield from _distance_rows(f"l2_{reading}", "1", matrix, seed_set)


def _distance_rows(metric: str, unit: str, matrix: Array, seed_set: Array) -> Iterator[Row]:
    """Yield a row with the mean distance over all pairs of replicates in the same seed set.

    If there are several seed sets, also yield a row with the mean distance over all pairs in different seed sets.
    """
    together = seed_set[:, None] == seed_set
    for name, wanted in ((metric, together), (f"{metric}_between_seed_sets", ~together)):
        count = int(np.triu(wanted, 1).sum())
        if count:
            estimate = stats.pair_mean(matrix, wanted, seed_set)
            yield metric_row(name, unit, estimate, f"jackknife over {_units(seed_set)}", n_pairs=count)


def class_rows(
    correct: Array, labels: Array, seed_set: Array, rng: np.random.Generator, classes: int | None = None
) -> Iterator[Row]:
    """Yield rows with the spread of the overall accuracy and of the accuracy on each class.

    Further rows have the ratio of each per-class spread to the overall spread and to the median of its own null, the
    largest of these ratios, and the number of classes above their null. All rows mentioned so far have the
    independent-error null and p. The remaining rows have no null: they have the mean accuracy of each class and, if
    there are several seed sets, the spread between seed sets.

    Parameters
    ----------
    correct : (replicates, units), bool
        Whether each prediction is correct.
    labels : (units,)
        Class of each unit.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    rng : numpy.random.Generator
        Source of the random numbers for the null.
    classes : int, optional
        Number of classes, some of which may have no units. By default, the largest label plus one.
    """
    parts = stats.Parts(labels, int(labels.max()) + 1 if classes is None else classes)

    def spreads(hits: Array) -> Array:
        """Return the overall std and the per-class stds along the last axis, given (replicates, draws, classes)."""
        overall = stats.pooled_spread(hits.sum(axis=-1) / len(labels), seed_set)
        per_class = stats.pooled_spread(stats.rates(hits, parts.sizes), seed_set)
        return 100 * np.concatenate([overall[:, None], per_class], axis=-1)

    hits = parts.hits(correct)
    values = spreads(hits[:, None])[0]
    draws = stats.independent_error_draws(correct, parts, spreads, rng, groups=seed_set)
    variance = stats.null_variance(correct, parts, seed_set)
    why = _why_undefined(np.array([len(labels), *parts.sizes]), np.array([variance.sum(), *variance]), "test images")
    draws[:, [bool(reason) for reason in why]] = np.nan
    null = stats.compare_with_null(values, draws)
    kinds = np.unique(seed_set)
    for index, reason in enumerate(why):
        metric, group = ("class_accuracy_std", f"class {index - 1}") if index else ("accuracy_std", "all")
        std = stats.std_interval(float(values[index]), len(correct) - len(kinds))
        yield null_row(metric, "percentage points", std, null.at(index), group, reason, "chi-square")
    if len(kinds) > 1:
        means = np.array([100 * correct[seed_set == kind].mean() for kind in kinds])
        yield metric_row("accuracy_std_between_seed_sets", "percentage points", stats.std(means), "chi-square")
    flat = SAME_ACCURACY if values[0] == 0 else ""
    ratios, their_draws = (stats.spread_ratio(spread[..., 1:], spread[..., 0]) for spread in (values, draws))
    yield from _ratio_rows("class_std_ratio", ratios, their_draws, [reason or flat for reason in why])
    del their_draws
    count = stats.count_above(correct, parts, null.high[1:] * parts.sizes / 100, seed_set)
    yield from _excess_rows(values[1:], draws[:, 1:], null, why, count, f"jackknife over {_units(seed_set)}")
    means = 100 * stats.rates(hits, parts.sizes)
    for index, size in enumerate(parts.sizes):
        row = mean_row("class_accuracy_mean", means[:, index], seed_set, f"class {index}")
        yield row if size else row | {"note": f"undefined: {why[1 + index]}"}


def _ratio_rows(metric: str, values: Array, draws: Array, why: list[str]) -> Iterator[Row]:
    """Yield a row with the ratio of each class, and a row with the largest ratio, whose p is familywise.

    Parameters
    ----------
    metric : str
        Name of the metric. The largest ratio has the same name with the ending `_max`.
    values : (classes,)
        The ratios.
    draws : (draws, classes)
        Joint draws of their null.
    why : list of str
        Why the largest ratio and each ratio are undefined, or empty strings.
    """
    null = stats.compare_with_null(values, draws)
    for index, reason in enumerate(why[1:]):
        yield null_row(metric, "1", float(values[index]), null.at(index), f"class {index}", reason)
    # fmax leaves out classes whose ratio is undefined
    largest, draws_of_largest = (np.fmax.reduce(ratios, axis=-1) for ratios in (values, draws))
    null = stats.compare_with_null(largest, draws_of_largest)
    yield null_row(f"{metric}_max", "1", float(largest), null.at(), why=why[0])


def _excess_rows(
    values: Array, draws: Array, null: Null, why: list[str], count: Estimate, interval: str
) -> Iterator[Row]:
    """Yield rows with the spread of each class over the median of its own null, and with the classes above their null.

    Parameters
    ----------
    values : (classes,)
        The spread of each class.
    draws : (draws, classes)
        Joint draws of their null, which are overwritten.
    null : Null
        The nulls of the overall spread and of the spread of each class.
    why : list of str
        Why the null of the overall spread and of the spread of each class is undefined, or empty strings.
    count : Estimate
        The number of classes above their null.
    interval : str
        Name of the method of its interval.
    """
    by_chance = stats.exceeds(draws, null.high[1:]).sum(axis=1).astype(float)
    median = np.where(null.median[1:] > 0, null.median[1:], np.nan)
    draws /= median
    found = stats.discoveries(values / median, draws)
    why = [reason or (NO_MEDIAN if middle == 0 else "") for reason, middle in zip(why, null.median, strict=True)]
    if all(why[1:]):
        why[0] = why[0] or NO_MEDIAN
    noted = {f"class {index}" for index in np.flatnonzero(found)}
    for row in _ratio_rows("class_std_over_null", values / median, draws, why):
        yield row | {"note": DISCOVERY} if row["group"] in noted else row
    if why[0]:
        count, found = Estimate(math.nan, math.nan, math.nan), np.array(math.nan)
    chance = stats.compare_with_null(np.array(count.value), by_chance)
    yield null_row("classes_above_null", "count", count, chance.at(), why=why[0], interval=interval)
    yield metric_row("classes_above_null_fdr", "count", float(found.sum()), note=why[0] and f"undefined: {why[0]}")


def group_rows(found: Predictions, seed_set: Array, rng: np.random.Generator) -> Iterator[Row]:
    """Yield rows with the spread of accuracy, FPR and FNR in each sub-group, as in Figure 4 of the paper.

    Accuracy, false-positive rate (FPR) and false-negative rate (FNR) refer to the target attribute. Each spread is
    given in percentage points and relative to the spread over all examples, with the independent-error null and p.
    Further rows count the positives and negatives in each sub-group.

    Parameters
    ----------
    found : Predictions
        Predictions of a dataset with sub-groups.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    rng : numpy.random.Generator
        Source of the random numbers for the null.
    """
    arrays, target = found.groups, int(found.groups["target"])
    correct = found.correct.reshape(-1, *found.labels.shape)[:, :, target]
    positive, masks = found.labels[:, target].astype(bool), arrays["group"].T
    names = ["all", *map(str, arrays["group_name"])]
    sub_groups = stats.SubGroups(positive, masks)

    def spreads(hits: Array) -> Array:
        return 100 * sub_groups.spreads(hits, seed_set)

    values = spreads(sub_groups.parts.hits(correct)[:, None])[0]
    draws = stats.independent_error_draws(correct, sub_groups.parts, spreads, rng, groups=seed_set)
    variance = stats.null_variance(correct, sub_groups.parts, seed_set)
    counted = zip(
        ("accuracy", "fpr", "fnr"), ("test images", "negatives", "positives"), sub_groups.counted, strict=True
    )
    for rate, (metric, what, members) in enumerate(counted):
        why = _why_undefined(members @ sub_groups.parts.sizes, members @ variance, what)
        of_rate = draws[:, rate]
        of_rate[:, [bool(reason) for reason in why]] = np.nan
        null = stats.compare_with_null(values[rate], of_rate)
        for index, name in enumerate(names):
            std = float(values[rate, index])
            yield null_row(f"group_{metric}_std", "percentage points", std, null.at(index), name, why[index])
        relative, its_draws = (stats.spread_ratio(spread, spread[..., 0]) for spread in (values[rate], of_rate))
        null, flat = stats.compare_with_null(relative, its_draws), SAME_ACCURACY if values[rate, 0] == 0 else ""
        for index, name in enumerate(names):
            ratio, reason = float(relative[index]), why[index] or why[0] or flat
            yield null_row(f"group_{metric}_std_relative", "1", ratio, null.at(index), name, reason)
    for name, mask in zip(names, [np.ones(len(positive), bool), *masks.astype(bool)], strict=True):
        yield metric_row("group_positives", "count", int((mask & positive).sum()), group=name)
        yield metric_row("group_negatives", "count", int((mask & ~positive).sum()), group=name)


def test_set_rows(found: Predictions, seed_set: Array) -> Iterator[Row]:
    """Yield rows on how much of the spread of accuracy is about the images of this test set.

    They have the standard deviation that would remain on an infinite test set and the share of the variance that would
    vanish: overall, for each class and for each sub-group (of the target attribute's accuracy). A further row has what
    the sampling of the test images adds to the interval of the mean accuracy.

    Parameters
    ----------
    found : Predictions
        The predictions.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    units = found.correct.reshape(-1, *found.labels.shape)
    images = (
        units if units.ndim == 2 else units.mean(axis=2, dtype=np.float32)
    )  # an image is one draw, not an attribute
    yield from _test_set_rows("all", images, seed_set)
    yield metric_row("accuracy_sampling_error", "percentage points", 100 * stats.sampling_error(images))
    for index in range(found.classes):
        part = units[:, found.labels == index] if units.ndim == 2 else units[:, :, index]
        yield from _test_set_rows(f"class {index}", part, seed_set)
    for name, mask in zip(
        found.groups.get("group_name", ()), found.groups.get("group", np.empty((0, 0))).T, strict=True
    ):
        yield from _test_set_rows(str(name), units[:, mask.astype(bool), int(found.groups["target"])], seed_set)


def _test_set_rows(group: str, correct: Array, seed_set: Array) -> Iterator[Row]:
    """Yield the standard deviation that would remain on an infinite test set, and the share that would vanish."""
    split = stats.split_by_test_set(correct, seed_set)
    note = share_note = ""
    if math.isnan(split.variance):
        reason = "no seed set has two runs" if correct.shape[1] > 1 else f"{correct.shape[1]} test images"
        note = share_note = f"undefined: {reason}"
    elif split.variance < 0:
        note = f"the estimate of the variance is negative ({1e4 * split.variance:.3g} squared percentage points)"
        share_note = "above 1 because the estimate of the remaining variance is negative"
    if math.isnan(split.share.value) and not math.isnan(split.variance):
        share_note = "undefined: all runs have the same accuracy"
    value, low, high = (100 * end for end in split.std[:3])
    std = Estimate(value, low, high, freedom=split.std.freedom)
    interval = f"chi-square over {_units(seed_set)}"
    yield metric_row("accuracy_std_distribution", "percentage points", std, interval, group, note=note)
    yield metric_row("test_set_share", "1", split.share, interval, group, note=share_note)


#: Reasons why the null of a spread or of a ratio is undefined.
ONE_EACH = "no seed set has two replicates"
NO_DIFFERENCE = "no test image is classified correctly by some replicates only"
SAME_ACCURACY = "all replicates have the same overall rate"
NO_MEDIAN = "the median of the null is 0"
DISCOVERY = "above its null at a false discovery rate of 5 % over classes"


def _why_undefined(sizes: Array, variance: Array, what: str) -> list[str]:
    """Return why the null of the spread in each part is undefined; an empty string where it is defined.

    Parameters
    ----------
    sizes : (parts,)
        Number of examples in each part.
    variance : (parts,)
        Variance that the null has in each part.
    what : str
        What the examples are, in the plural.
    """
    return [
        f"no {what}" if size == 0 else ONE_EACH if math.isnan(expected) else NO_DIFFERENCE if expected == 0 else ""
        for size, expected in zip(sizes, variance, strict=True)
    ]


def null_row(
    metric: str, unit: str, value: float | Estimate, null: Null, group: str = "all", why: str = "", interval: str = ""
) -> Row:
    """Return a row with a null and p. A note says why the null is undefined, or which of its draws are left out.

    Parameters
    ----------
    metric, unit, value, group, interval
        As for `metric_row`.
    null : Null
        The null of this metric.
    why : str
        Why the null is undefined. If empty, it is undefined only if the metric is undefined in too many of its draws.
    """
    share = float(null.left_out)
    if why:
        note = f"undefined: {why}"
    elif share > stats.UNDEFINED_SHARE:
        note = f"undefined: {SAME_ACCURACY} in {share:.0%} of the draws of the null"
    else:
        note = f"{SAME_ACCURACY} in {share:.1%} of the draws of the null, which leaves them out" if share else ""
    if note.startswith("undefined"):
        null = Null(*np.full(len(null), np.nan))
    columns = {"null_median": null.median, "null_low": null.low, "null_high": null.high, "p": null.p}
    return metric_row(metric, unit, value, interval, group, note=note) | {k: float(v) for k, v in columns.items()}


def reference_rows(correct: Array, midpoint: Array, weighed: list[Replicate]) -> Iterator[Row]:
    """Yield rows with metrics as the reference (the paper's published code) defines them; see docs/metrics.md.

    Parameters
    ----------
    correct : (replicates, units), bool
        Whether each final prediction is correct.
    midpoint : (replicates, units)
        Predictions at the midpoint.
    weighed : list of Replicate
        All replicates of the cell if all of them have midpoint weights. Otherwise the list is empty, and L2 is left
        out.
    """
    pairs = len(correct) * (len(correct) - 1) // 2
    yield metric_row("reference_accuracy_std", "percentage points", stats.reference_std(100 * correct.mean(axis=1)))
    yield metric_row(
        "reference_agreement_midpoint", "percent", 100 * stats.reference_agreement(midpoint), n_pairs=pairs
    )
    if weighed:
        vectors = [replicate.stored_weights("midpoint_weights") for replicate in weighed]
        distance = stats.pair_mean(stats.l2_raw_matrix(vectors))
        yield metric_row("reference_l2_midpoint", "1", distance.value, n_pairs=pairs)


def csv_of(rows: list[Row]) -> str:
    """Return rows of metrics as CSV with the columns COLUMNS."""
    return csv_text(rows, COLUMNS)


def metric_row(
    metric: str,
    unit: str,
    value: float | Estimate,
    interval: str = "",
    group: str = "all",
    n_pairs: int | None = None,
    note: str = "",
) -> Row:
    """Return one row of metrics.csv, without the columns that have the same value in all rows of a cell.

    Parameters
    ----------
    metric, unit : str
        Name and unit of the metric.
    value : float or Estimate
        The value, or the value with its interval.
    interval : str
        Name of the method of the interval. Written only if `value` has an interval; otherwise the column stays empty.
    group : str
        The class, sub-group or replicate that the row is about; `all` if the row is about the whole cell.
    n_pairs : int, optional
        Number of pairs of replicates over which the value is averaged.
    note : str
        What a reader must know about the number, such as why it is undefined.
    """
    estimate = value if isinstance(value, Estimate) else Estimate(value, math.nan, math.nan)
    if unit == "percent":  # Student's t interval can reach beyond the range of a percentage
        low, high = (float(np.clip(end, 0, 100)) for end in (estimate.low, estimate.high))  # NaN stays NaN
        estimate = estimate._replace(low=low, high=high)
    how = "" if math.isnan(estimate.low) else interval
    if estimate.low == estimate.high:
        note = note or "all values are equal, so the interval has no width"
    row: Row = {"metric": metric, "group": group, "unit": unit, "interval": how, "note": note, **estimate._asdict()}
    return row if n_pairs is None else row | {"n_pairs": n_pairs}
