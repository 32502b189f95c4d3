"""The metrics of one cell, computed from its replicates.

Each row of metrics.csv has the number of replicates. Many rows also have an interval, a null or both. Every byte of a
replicate is checked when the replicate is read. If two replicates differ in something that their cell holds fixed, such
as the weights in a control cell, the error message names both replicates.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid import stats
from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import csv_text
from noisegrid.records import chunk_file
from noisegrid.records.record import Replicate, check_belongs, entry, read, replicate_folder, shared_keys, versions_of
from noisegrid.stats import Estimate, Null
from noisegrid.study.seeds import levels
from noisegrid.study.sources import ALGORITHMIC
from noisegrid.study.study import Cell

Array = np.ndarray
Row = dict[str, Any]
#: The number of weight vectors that are memory-mapped at a time. Each needs an open file, of which a process may have
#: few (`ulimit -n`). Vectors of larger cells are read slice by slice, which is slower.
MAPPED = 100
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
    logits : (replicates, sampled examples, classes), float32, or None
        Logits after all epochs, for a sample of the examples. None if a replicate did not keep them.
    calibration : (replicates,) or None
        Expected calibration error in percent. None for attributes, and without logits.
    groups : dict
        The arrays `group` (whether each example is in each sub-group), `group_name` and `target` (index of the target
        attribute). Empty if the dataset has no sub-groups.
    """

    labels: Array
    predicted: Array
    midpoint: Array
    logits: Array | None
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


def load_predictions(replicates: list[Replicate]) -> Predictions:
    """Load the predictions of the replicates of a cell.

    Replicates are read one at a time, because the logits of a hundred replicates do not fit into memory together.
    """
    first = replicates[0].predictions()
    labels = first["label"]
    predicted, midpoint = (np.empty((len(replicates), labels.size), np.int16) for _ in range(2))
    logits, calibration = list[Array](), list[float]()
    for index, replicate in enumerate(replicates):
        arrays = replicate.predictions()
        predicted[index] = arrays["predicted"].ravel()
        midpoint[index] = arrays["midpoint_predicted"].ravel()
        if "logits" in arrays:
            logits.append(arrays["logits"][stats.logit_sample(len(replicates), arrays["logits"].shape)])
            if labels.ndim == 1:
                probabilities = stats.softmax(arrays["logits"])
                calibration.append(100 * stats.expected_calibration_error(probabilities, labels))
    whole = len(logits) == len(replicates)
    return Predictions(
        labels=labels,
        predicted=predicted,
        midpoint=midpoint,
        logits=np.stack(logits) if whole else None,
        calibration=np.array(calibration) if whole and calibration else None,
        groups={key: first[key] for key in ("group", "group_name", "target") if key in first},
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
    # replicates of a seed set share the seeds of held sources; if all algorithmic sources are free, they share none
    seed_set = np.zeros_like(numbers) if cell.free >= ALGORITHMIC else numbers % cell.seed_sets
    rng = np.random.default_rng(int(cell.digest, 16))
    losses = [metric_row(f"replicates_{fate}", "count", count) for fate, count in lost.items()]
    hashes = [replicate.record["weight_hash"] for replicate in replicates]
    if cell.crossed:
        rows = [*losses, *run_rows(found.correct, numbers), hash_row(hashes, seed_set)]
        rows += component_rows(found, numbers, cell.crossed, rng)
        return [common_columns(cell, replicates, found, seed_set) | row for row in rows]
    rows = [
        *losses,
        *accuracy_rows(found.correct, numbers, seed_set),
        *pair_rows(found.predicted, found.logits, seed_set),
        hash_row(hashes, seed_set),
        *(weight_rows(replicates, seed_set) if _all_have(replicates, "weights") else ()),
        *class_rows(found.correct, found.class_of, seed_set, rng),
        *reference_rows(found.correct, found.midpoint, replicates if _all_have(replicates, "midpoint_weights") else []),
    ]
    if found.calibration is not None:
        rows.append(mean_row("calibration_error", found.calibration, seed_set))
    if found.groups:
        rows += group_rows(found, seed_set, rng)
    record = replicates[0].record
    if "multiprocessors" in record["device"]:
        rows.append(metric_row("multiprocessors", "count", record["device"]["multiprocessors"]))
    return [common_columns(cell, replicates, found, seed_set) | row for row in rows]


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


def _vectors(replicates: list[Replicate], which: str) -> list[Any]:
    """Return the weight vectors of all replicates, without keeping more than MAPPED files open."""
    few = len(replicates) <= MAPPED
    return [replicate.weights(which) if few else replicate.stored_weights(which) for replicate in replicates]


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


def mean_row(metric: str, values: Array, seed_set: Array, group: str = "all") -> Row:
    """Return a row with the mean of a percentage over all replicates, and the 95 % interval of this mean."""
    return metric_row(metric, "percent", stats.mean(values, seed_set), f"t over {_units(seed_set)}", group)


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
                note = undefined or _note_of_share(percent.value, [counts[factor] for factor in factors])
                yield metric_row(f"component_{outcome}{ending}", "percent", percent, "generalised", group, note=note)


def _note_of_share(percent: float, counts: list[int]) -> str:
    """Return what a reader must know about a share, given the numbers of levels of its sources."""
    if math.isnan(percent):
        return "undefined: all runs are equal"
    notes = ["negative estimate, shown as 0"] if percent < 0 else []
    notes += ["estimate above 100 %, shown as 100"] if percent > 100 else []
    notes += ["two levels, so the interval is wide"] if counts == [2] else []
    return "; ".join(notes)


def pair_rows(predicted: Array, logits: Array | None, seed_set: Array) -> Iterator[Row]:
    """Yield rows with churn, computed from all predictions, and logit correlation, computed from a sample of examples.

    Parameters
    ----------
    predicted : (replicates, units)
        The prediction for each unit: a class or, for an attribute, 0 or 1.
    logits : (replicates, sampled examples, classes) or None
        The logits of the sampled examples; None if they are not known.
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
    weights = _vectors(replicates, "weights")
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


def class_rows(correct: Array, labels: Array, seed_set: Array, rng: np.random.Generator) -> Iterator[Row]:
    """Yield rows with the spread of the overall accuracy and of the accuracy on each class.

    Further rows have the ratio of each per-class spread to the overall spread, and the largest of these ratios. All
    rows mentioned so far have the independent-error null. The remaining rows have no null: they have the mean accuracy
    of each class and, if there are several seed sets, the spread between seed sets.

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
    """
    classes = int(labels.max()) + 1
    parts = stats.Parts(labels, classes)

    def spreads(hits: Array) -> Array:
        """Return the overall std, the per-class stds, the per-class ratios and the largest ratio along the last axis.

        `hits` has the shape (replicates, draws, classes), and the result has the draws along its first axis.
        """
        overall = 100 * stats.pooled_spread(hits.sum(axis=-1) / len(labels), seed_set)
        per_class = 100 * stats.pooled_spread(stats.rates(hits, parts.sizes), seed_set)
        ratios = stats.spread_ratio(per_class, overall)
        return np.concatenate([overall[:, None], per_class, ratios, ratios.max(axis=-1, keepdims=True)], axis=-1)

    hits = parts.hits(correct)
    values = spreads(hits[:, None])[0]
    null = stats.independent_error_null(correct, parts, spreads, rng, groups=seed_set)
    kinds = np.unique(seed_set)
    freedom = len(correct) - len(kinds)

    def row(index: int, metric: str, group: str, unit: str, interval: bool) -> Row:
        estimate = stats.std_interval(float(values[index]), freedom) if interval else float(values[index])
        at = Null(null.median[index], null.low[index], null.high[index])
        return metric_row(metric, unit, estimate, "chi-square" if interval else "", group=group, null=at)

    yield row(0, "accuracy_std", "all", "percentage points", interval=True)
    if len(kinds) > 1:
        means = np.array([100 * correct[seed_set == kind].mean() for kind in kinds])
        yield metric_row("accuracy_std_between_seed_sets", "percentage points", stats.std(means), "chi-square")
    for index in range(classes):
        yield row(1 + index, "class_accuracy_std", f"class {index}", "percentage points", interval=True)
    for index in range(classes):
        yield row(1 + classes + index, "class_std_ratio", f"class {index}", "1", interval=False)
    yield row(1 + 2 * classes, "class_std_ratio_max", "all", "1", interval=False)
    means = 100 * stats.rates(hits, parts.sizes)
    for index in range(classes):
        yield mean_row("class_accuracy_mean", means[:, index], seed_set, f"class {index}")


def group_rows(found: Predictions, seed_set: Array, rng: np.random.Generator) -> Iterator[Row]:
    """Yield rows with the spread of accuracy, FPR and FNR in each sub-group, as in Figure 4 of the paper.

    Accuracy, false-positive rate (FPR) and false-negative rate (FNR) refer to the target attribute. Each spread is
    given in percentage points and relative to the spread over all examples, with the independent-error null. Further
    rows count the positives and negatives in each sub-group.

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

    def statistic(hits: Array) -> Array:
        spreads = 100 * sub_groups.spreads(hits, seed_set)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([spreads, spreads / spreads[..., :1]], axis=1)

    values = statistic(sub_groups.parts.hits(correct)[:, None])[0]
    null = stats.independent_error_null(correct, sub_groups.parts, statistic, rng, groups=seed_set)
    for kind, unit in enumerate(("percentage points", "1")):
        for rate, metric in enumerate(("accuracy", "fpr", "fnr")):
            for index, name in enumerate(names):
                place = kind, rate, index
                at = Null(null.median[place], null.low[place], null.high[place])
                ending = "std" if kind == 0 else "std_relative"
                yield metric_row(f"group_{metric}_{ending}", unit, float(values[place]), group=name, null=at)
    for name, mask in zip(names, [np.ones(len(positive), bool), *masks.astype(bool)], strict=True):
        yield metric_row("group_positives", "count", int((mask & positive).sum()), group=name)
        yield metric_row("group_negatives", "count", int((mask & ~positive).sum()), group=name)


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
        distance = stats.pair_mean(stats.l2_raw_matrix(_vectors(weighed, "midpoint_weights")))
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
    null: Null | None = None,
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
    null : Null, optional
        Median and range that the metric would have if errors on different examples were independent.
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
    row: Row = {"metric": metric, "group": group, "unit": unit, "interval": how, "note": note, **estimate._asdict()}
    if null is not None:
        row |= {"null_median": null.median, "null_low": null.low, "null_high": null.high}
    return row if n_pairs is None else row | {"n_pairs": n_pairs}
