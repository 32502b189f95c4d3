"""Rows on pairs of replicates: churn, the L2 distance between weights, and what the reference computes from pairs."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from noisegrid import stats
from noisegrid.measuring.rows import Row, metric_row, units
from noisegrid.records.record import Replicate

Array = np.ndarray


def pair_rows(predicted: Array, logits: Sequence[stats.Rows] | None, numbers: Array, seed_set: Array) -> Iterator[Row]:
    """Yield rows with churn, computed from all predictions, and logit correlation, computed from a sample of examples.

    Parameters
    ----------
    predicted : (replicates, units)
        The prediction for each unit: a class or, for an attribute, 0 or 1.
    logits : sequence of (examples, classes), or None
        The logits of each replicate; None if they are not known.
    numbers, seed_set : (replicates,)
        The number and the seed set of each replicate.
    """
    churn = 100 * stats.churn_matrix(predicted)
    yield from distance_rows("churn", "percent", churn, seed_set)
    yield from run_churn_rows(churn, numbers, seed_set)
    if logits is None:
        return
    # one minus the correlation is a distance with a zero diagonal, like churn
    for row in distance_rows("logit_correlation", "1", 1 - stats.logit_correlation_matrix(logits), seed_set):
        yield row | {"value": 1 - row["value"], "low": 1 - row["high"], "high": 1 - row["low"]}


def run_churn_rows(churn: Array, numbers: Array, seed_set: Array) -> Iterator[Row]:
    """Yield a row per replicate with its mean churn against the other replicates of its seed set.

    A replicate that is alone in its seed set has no row.

    Parameters
    ----------
    churn : (replicates, replicates)
        The churn of each pair, in percent.
    numbers, seed_set : (replicates,)
        The number and the seed set of each replicate.
    """
    others = (seed_set[:, None] == seed_set) & ~np.eye(len(churn), dtype=bool)
    for number, row, wanted in zip(numbers, churn, others, strict=True):
        if wanted.any():
            yield metric_row("run_churn", "percent", float(row[wanted].mean()), group=f"replicate {number}")


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
        yield from distance_rows(f"l2_{reading}", "1", matrix, seed_set)


def distance_rows(metric: str, unit: str, matrix: Array, seed_set: Array) -> Iterator[Row]:
    """Yield a row with the mean distance over all pairs of replicates in the same seed set.

    If there are several seed sets, also yield a row with the mean distance over all pairs in different seed sets.
    """
    together = seed_set[:, None] == seed_set
    for name, wanted in ((metric, together), (f"{metric}_between_seed_sets", ~together)):
        count = int(np.triu(wanted, 1).sum())
        if count:
            estimate = stats.pair_mean(matrix, wanted, seed_set)
            yield metric_row(name, unit, estimate, f"jackknife over {units(seed_set)}", n_pairs=count)


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
