"""Simulate further replicates of a cell from those that were measured, with known truths.

A simulated replicate answers each unit (a test example, or one attribute of it) as a random measured replicate did.
Its errors on different units are therefore independent, and each unit is as unstable as it was measured to be. What
measured replicates vary beyond this is added as a shift that a run has in all units, or in the units of one class.

Churn is lowered to a wanted value in that every run keeps to the usual answer more often. The mean accuracy is moved
in that all runs answer some further units rightly, or wrongly. Both leave everything else as it was measured.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from noisegrid import stats
from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.measuring import cell as measuring
from noisegrid.measuring.classes import class_rows, group_rows
from noisegrid.measuring.pairs import hash_row, pair_rows
from noisegrid.measuring.predictions import Predictions, load_predictions
from noisegrid.measuring.rows import Row, metric_row
from noisegrid.records.record import Replicate
from noisegrid.study.study import Cell

Array = np.ndarray
#: The columns of metrics.csv that count the simulated replicates.
COUNTS = ("n_replicates", "seed_sets")


@dataclass(frozen=True)
class Population:
    """All replicates that a cell could have, as far as the measured ones show it.

    Attributes
    ----------
    about : dict
        The columns of metrics.csv that have the same value in all rows of the cell.
    measured : Predictions
        The predictions of the measured replicates.
    seed_set : (replicates,)
        Index of the seed set of each simulated replicate.
    right : (units,)
        The probability that a run answers each unit rightly.
    kept : float
        The probability that an answer is the usual one, whatever `right` says. The usual answer is the most frequent
        one or, in a cell with several seed sets, one that each set draws.
    run_spread : float
        Standard deviation of the shift that each run has in the share of right answers, as a fraction.
    set_spread : float
        Standard deviation of the shift that each seed set has in the same share.
    part : (units,), bool
        The units that `run_spread` is about.
    multiprocessors : int, optional
        The number of multiprocessors of the device, if it has any.
    """

    about: dict[str, Any]
    measured: Predictions
    seed_set: Array
    right: Array
    part: Array
    kept: float = 0.0
    run_spread: float = 0.0
    set_spread: float = 0.0
    multiprocessors: int | None = None

    @property
    def noise(self) -> str:
        """The name of the noise."""
        return str(self.about["noise"])

    @property
    def sets(self) -> int:
        """The number of seed sets."""
        return int(self.seed_set.max()) + 1

    @cached_property
    def _variety(self) -> tuple[float, float, float]:
        """How often two answers of independent runs differ, one differs from the usual, and both do, on average."""
        same = np.stack([(self.measured.predicted == row).mean(axis=0) for row in self.measured.predicted])
        usual, answers = same.max(axis=0), same.mean(axis=0)
        return float(1 - answers.mean()), float(1 - usual.mean()), float((1 - 2 * usual + answers).mean())

    @property
    def churn(self) -> float:
        """The true churn between runs of the same seed set, as a fraction."""
        differ, unusual, both = self._variety
        free = 1 - self.kept
        return (2 * free - free**2) * differ if self.sets > 1 else 2 * free * unusual - free**2 * both

    def with_churn(self, churn: float) -> "Population":
        """Return the population with another true churn, which may not be larger than that of this population."""
        differ, unusual, both = self._variety
        if differ == 0:
            return self
        if self.sets > 1:
            free = 1 - np.sqrt(max(0.0, 1 - churn / differ))
        else:
            free = (unusual - np.sqrt(max(0.0, unusual**2 - churn * both))) / both
        return replace(self, kept=float(np.clip(1 - free, 0, 1)))

    def like(self, other: "Population") -> "Population":
        """Return another population under the names, and with the seed sets and the device, of this one."""
        names = {key: self.about[key] for key in ("hardware", "task", "noise", "without_batch_norm", *COUNTS)}
        about, size = other.about | names, self.multiprocessors
        return replace(other, about=about, seed_set=self.seed_set, multiprocessors=size).with_churn(other.churn)

    @property
    def accuracy(self) -> float:
        """The true mean accuracy, as a fraction."""
        return float(self.right.mean())

    def with_accuracy(self, accuracy: float) -> "Population":
        """Return the population with another true mean accuracy."""
        return replace(self, right=_moved(self.right, accuracy - self.accuracy))

    def with_spread(self, ratio: float, part: Array | None = None) -> "Population":
        """Return the population whose runs vary as independent errors do, times a ratio, in some of the units.

        Parameters
        ----------
        ratio : float
            The true standard deviation of the share of right answers in the part over that of independent errors.
        part : (units,), bool, optional
            The units; by default those of the population. In all other units, errors are independent.
        """
        part = self.part if part is None else part
        independent = float((self.right * (1 - self.right))[part].sum()) / part.sum() ** 2
        weights = _weights(self.right, part)
        # a shift takes away from independent errors
        remaining = 1 - float((weights[part] ** 2).sum()) / part.sum() ** 2
        variance = max(0.0, ratio**2 - 1) * independent / remaining if remaining > 0 else 0.0
        return replace(self, part=part, run_spread=float(np.sqrt(variance)))

    def draw(self, rng: np.random.Generator) -> Array:
        """Draw the predictions of as many replicates as the cell has, as an array of shape (replicates, units)."""
        effects = rng.normal(0, self.set_spread, self.sets) if self.set_spread else np.zeros(self.sets)
        right = np.stack([_moved(self.right, effect) for effect in effects])
        runs = right[self.seed_set] + self._shifts(rng, len(self.seed_set))
        answers = self._answers(rng, runs)
        if not self.kept:
            return answers
        usual = self._answers(rng, right)[self.seed_set] if self.sets > 1 else self._usual
        return np.where(rng.random(answers.shape) < self.kept, usual, answers)

    def _shifts(self, rng: np.random.Generator, runs: int) -> Array:
        """Draw what each run adds to the probability of a right answer, (runs, units); the mean over runs is 0.

        The shift of a run follows a symmetric beta distribution, which is bounded, so that probabilities stay such.
        """
        weights = _weights(self.right, self.part)
        bound = float(np.minimum(self.right, 1 - self.right)[self.part].mean())
        if not self.run_spread or not bound:
            return np.zeros((runs, 1))
        shape = max(1e-3, ((bound / self.run_spread) ** 2 - 1) / 2)
        shifts: Array = bound * (2 * rng.beta(shape, shape, runs) - 1)[:, None] * weights
        return shifts

    @cached_property
    def _by_rightness(self) -> tuple[Array, Array]:
        """The measured answers to each unit, wrong ones last, and the number of right ones.

        Where all answers are right, the one after the last is another class.
        """
        correct, labels = self.measured.correct, self.measured.labels.ravel()
        order = np.argsort(~correct, axis=0, kind="stable")
        other = (labels + 1) % max(2, self.measured.classes if self.measured.labels.ndim == 1 else 2)
        answers = np.vstack([np.take_along_axis(self.measured.predicted, order, axis=0), other[None]])
        return answers, correct.sum(axis=0)

    @cached_property
    def _usual(self) -> Array:
        """The most frequent answer to each unit."""
        predicted = self.measured.predicted
        counts = np.stack([(predicted == row).sum(axis=0) for row in predicted])
        return np.take_along_axis(predicted, counts.argmax(axis=0)[None], axis=0)[0]

    def _answers(self, rng: np.random.Generator, right: Array) -> Array:
        """Draw answers, given the probabilities of right ones; wrong ones are as frequent as they were measured."""
        answers, hits = self._by_rightness
        wrong = np.maximum(1, len(answers) - 1 - hits)
        picked = hits + (rng.random(right.shape) * wrong).astype(int)
        is_right = rng.random(right.shape) < right
        return np.where(is_right, self.measured.labels.ravel(), np.take_along_axis(answers, picked, axis=0))

    def rows(self, rng: np.random.Generator, classes: bool = False, groups: bool = False) -> list[Row]:
        """Draw replicates, and return the rows of metrics.csv that measuring them gives.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the random numbers.
        classes, groups : bool
            Whether to include the rows of classes and of sub-groups. Their nulls take most of the time.
        """
        found = replace(self.measured, predicted=self.draw(rng), logits=None, calibration=None)
        numbers = np.arange(len(self.seed_set))
        rows = [
            hash_row([str(number) for number in numbers], self.seed_set),
            *measuring.accuracy_rows(found.correct, numbers, self.seed_set),
            *pair_rows(found.predicted, None, numbers, self.seed_set),
        ]
        if classes:
            rows += class_rows(found.correct, found.class_of, self.seed_set, rng, self.measured.classes)
        if groups:
            rows += group_rows(found, self.seed_set, rng)
        if self.multiprocessors:
            rows.append(metric_row("multiprocessors", "count", self.multiprocessors))
        return [self.about | row for row in rows]


def population(cell: Cell, replicates: list[Replicate]) -> Population:
    """Estimate the population of a cell from its finished replicates.

    Raises
    ------
    NoisegridError
        If the cell has fewer than two replicates.
    """
    if len(replicates) < 2:
        raise NoisegridError(
            f"{cell.path}: {len(replicates)} of {cell.replicates} replicates finished; a simulation needs two"
        )
    found = load_predictions(replicates)
    numbers = np.array([replicate.record["replicate"] for replicate in replicates])
    sets = measuring.seed_set_of(cell, numbers)
    record = replicates[0].record
    about = {
        "study": cell.study,
        "hardware": cell.hardware,
        "task": cell.task,
        "noise": cell.noise,
        "without_batch_norm": cell.without_batch_norm,
        "device": record["device"]["model"],
        "versions": "simulated",
    }
    return replace(estimate(about, found, sets), multiprocessors=record["device"].get("multiprocessors"))


def estimate(about: dict[str, Any], found: Predictions, seed_set: Array) -> Population:
    """Estimate a population from measured predictions.

    Parameters
    ----------
    about : dict
        The names of study, hardware, task and noise, and what else all rows of the cell share.
    found : Predictions
        The predictions of the measured replicates.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    seed_set = np.unique(seed_set, return_inverse=True)[1]
    correct, units = found.correct, found.labels.size
    common = {
        "n_replicates": len(seed_set),
        "seed_sets": int(seed_set.max()) + 1,
        "n_examples": len(found.labels),
        "schema": versions.METRICS,
    }
    right = correct.mean(axis=0)
    start = Population(common | about, found, seed_set, right, np.ones(units, bool))
    together = (seed_set[:, None] == seed_set) & ~np.eye(len(seed_set), dtype=bool)
    if start.sets > 1 and together.any():
        start = start.with_churn(float(stats.churn_matrix(found.predicted)[together].mean()))
    spread = float(stats.pooled_spread(correct.mean(axis=1), seed_set))
    independent = float(stats.null_variance(correct, stats.whole(units), seed_set)[0]) / units**2
    excess = np.sqrt(max(0.0, np.nan_to_num(spread**2 - independent)))
    return replace(start, run_spread=float(excess / max(1 - start.kept, 1e-9)))


def _weights(right: Array, part: Array) -> Array:
    """Return how much a shift of a part changes each unit: in proportion to its instability, on average by 1."""
    instability = np.minimum(right, 1 - right) * part
    total = instability.sum()
    return instability * (part.sum() / total) if total else instability


def _moved(right: Array, by: float) -> Array:
    """Add to the mean of probabilities in that the most stable wrong units become right, or the right ones wrong.

    Instability stays as it is, because only few units change.
    """
    if by == 0:
        return right
    possible = 1 - right if by > 0 else right  # the largest change of each probability
    order = np.argsort(-possible, kind="stable")
    before = np.cumsum(possible[order]) - possible[order]
    moved = right.copy()
    moved[order] += np.sign(by) * np.clip(abs(by) * len(right) - before, 0, possible[order])
    return moved
