"""Rows on the spread of accuracy, overall and in classes and sub-groups, compared with independent errors."""

import math
from collections.abc import Iterator

import numpy as np

from noisegrid import stats
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import Row, mean_row, metric_row, units
from noisegrid.stats import Estimate, Null

Array = np.ndarray
#: Reasons why the null of a spread or of a ratio is undefined.
ONE_EACH = "no seed set has two replicates"
NO_DIFFERENCE = "no test example is classified correctly by some replicates only"
SAME_ACCURACY = "all replicates have the same overall rate"
NO_MEDIAN = "the median of the null is 0"
#: The note on a class that is discovered.
DISCOVERY = "above its null at a false discovery rate of 5 % over classes"


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
    why = _why_undefined(np.array([len(labels), *parts.sizes]), np.array([variance.sum(), *variance]), "test examples")
    draws[:, [bool(reason) for reason in why]] = np.nan
    null = stats.compare_with_null(values, draws)
    kinds = np.unique(seed_set)
    overall = stats.std(100 * correct.mean(axis=1), seed_set)
    for index, reason in enumerate(why):
        metric, group = ("class_accuracy_std", f"class {index - 1}") if index else ("accuracy_std", "all")
        std = stats.std_interval(float(values[index]), len(correct) - len(kinds)) if index else overall
        yield null_row(metric, "percentage points", std, null.at(index), group, reason, "chi-square")
    if len(kinds) > 1:
        means = np.array([100 * correct[seed_set == kind].mean() for kind in kinds])
        yield metric_row("accuracy_std_between_seed_sets", "percentage points", stats.std(means), "chi-square")
    flat = SAME_ACCURACY if values[0] == 0 else ""
    ratios, their_draws = (stats.spread_ratio(spread[..., 1:], spread[..., 0]) for spread in (values, draws))
    yield from _ratio_rows("class_std_ratio", ratios, their_draws, [reason or flat for reason in why])
    del their_draws
    count = stats.count_above(correct, parts, null.high[1:] * parts.sizes / 100, seed_set)
    yield from _excess_rows(values[1:], draws[:, 1:], null, why, count, f"jackknife over {units(seed_set)}")
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
        ("accuracy", "fpr", "fnr"), ("test examples", "negatives", "positives"), sub_groups.counted, strict=True
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
