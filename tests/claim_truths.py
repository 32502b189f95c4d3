"""Simulated studies whose truth is known: from the predictions of replicates, through metrics.csv, to the verdicts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from noisegrid.measuring import cell as measuring
from noisegrid.measuring.classes import class_rows, group_rows
from noisegrid.measuring.pairs import hash_row, pair_rows
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import COLUMNS, metric_row
from noisegrid.reporting.claims import judge
from noisegrid.reporting.claims_statistics import SAME_LEVEL, SAME_ORDER
from noisegrid.reporting.verdicts import NOT_REPRODUCED, REPRODUCED, Verdict

CLASSES, IMAGES = 10, 1000
LABELS = np.arange(IMAGES) % CLASSES
COMMON = {"study": "s", "device": "d", "versions": "v", "n_examples": IMAGES}
ERROR = 0.1  # the error rate of a run, unless a truth says otherwise
Rows = list[dict]

# --- from arrays to verdicts -----------------------------------------------------------------------------------------


def cell(
    correct: np.ndarray,
    noise: str,
    task: str = "net-data",
    hardware: str = "cpu",
    seed_set: np.ndarray | None = None,
    hashes: Iterable[object] | None = None,
    with_null: bool = False,
) -> Rows:
    """Return the rows that measuring such replicates gives.

    A wrong prediction is the next class. All weights are unequal unless hashes are given. The null, which C4 alone
    reads, takes most of the time.
    """
    n = len(correct)
    sets = np.zeros(n, int) if seed_set is None else seed_set
    predicted = np.where(correct, LABELS, (LABELS + 1) % CLASSES)
    rows = [
        hash_row([str(text) for text in (range(n) if hashes is None else hashes)], sets),
        *measuring.accuracy_rows(correct, np.arange(n), sets),
        *pair_rows(predicted, None, np.arange(n), sets),
        *(class_rows(correct, LABELS, sets, np.random.default_rng(0)) if with_null else ()),
    ]
    counterpart = task.replace("_bn", "") if "_bn" in task else ""
    about = {"hardware": hardware, "task": task, "noise": noise, "without_batch_norm": counterpart}
    return [COMMON | about | {"n_replicates": n, "seed_sets": len(np.unique(sets))} | row for row in rows]


def verdicts(rows: Rows, claim: str) -> list[Verdict]:
    return [v for v in judge(pd.DataFrame(rows, columns=list(COLUMNS))) if v.claim == claim]


def words(rows: Rows, claim: str) -> list[str]:
    return [verdict.verdict for verdict in verdicts(rows, claim)]


# --- replicates ------------------------------------------------------------------------------------------------------


def runs(rng: np.random.Generator, n: int, error: float = ERROR, of_run: np.ndarray | float = 0.0) -> np.ndarray:
    """Return replicates that err independently on every image; `of_run` is what each run adds to the error rate."""
    rates = np.broadcast_to(error + np.asarray(of_run), n)
    return rng.random((n, IMAGES)) > rates[:, None]


def seed_sets(n: int, sets: int = 5) -> np.ndarray:
    """Spread replicates over seed sets, with at least two in each."""
    return np.arange(n) % min(sets, n // 2)


def error_for(ratio: float) -> float:
    """Return the error rate whose churn is that of ERROR divided by a ratio; two runs differ in 2 e (1 - e)."""
    return (1 - np.sqrt(1 - 4 * ERROR * (1 - ERROR) / ratio)) / 2


def uneven(rng: np.random.Generator, n: int, error: float = ERROR) -> np.ndarray:
    """Return replicates whose error rates differ by up to a fifth."""
    return runs(rng, n, error, error * rng.uniform(-0.2, 0.2, n))


def means(
    rng: np.random.Generator, n: int, moved: float = 0.0, spread: float = 0.0, sets: int = 5, error: float = 0.02
) -> Rows:
    """Return cells for C3, in percentage points: seeds move a run by `spread`; `impl` has a number of seed sets."""
    rows = [
        row
        for noise in ("algo_impl", "algo")
        for row in cell(runs(rng, n, error, rng.normal(0, spread / 100, n)), noise)
    ]
    seed_set = seed_sets(n, sets)
    effects = rng.normal(0, spread / 100, sets)[seed_set]
    return rows + cell(runs(rng, n, error + moved / 100, effects), "impl", seed_set=seed_set)


def two_noises(rng: np.random.Generator, n: int, ratio: float) -> Rows:
    """Return cells for C2: the churn of `algo` is `ratio` times that of `impl`."""
    return cell(uneven(rng, n, error_for(ratio)), "impl", seed_set=seed_sets(n)) + cell(uneven(rng, n), "algo")


def batch_norm(rng: np.random.Generator, n: int, ratio: float) -> Rows:
    """Return cells for C6: batch norm divides churn by `ratio`."""
    return cell(uneven(rng, n), "algo_impl") + cell(uneven(rng, n, error_for(ratio)), "algo_impl", task="net_bn-data")


def tasks(rng: np.random.Generator, n: int, *ratios: float) -> Rows:
    """Return cells for C7: one task for each ratio."""
    found = [cell(uneven(rng, n, error_for(r)), "algo_impl", task=f"net{k}-data") for k, r in enumerate(ratios)]
    return [row for rows in found for row in rows]


def devices(rng: np.random.Generator, n: int, *ratios: float) -> Rows:
    """Return cells for C8 and C10: one device for each ratio, each with ten multiprocessors more than the last."""
    rows = []
    for k, ratio in enumerate(ratios):
        rows += cell(uneven(rng, n, error_for(ratio)), "impl", hardware=f"gpu{k}", seed_set=seed_sets(n))
        size = metric_row("multiprocessors", "count", 10 * (k + 1))
        rows.append({key: rows[-1][key] for key in (*COMMON, "hardware", "task", "noise", "n_replicates")} | size)
    return rows


def classes(rng: np.random.Generator, n: int, spread: float = 0.0, shared: float = 0.0) -> Rows:
    """Return a cell for C4: in percentage points, runs move class 3 by `spread`, and all classes by `shared`."""
    moves = rng.normal(0, shared / 100, (n, 1)) + rng.normal(0, spread / 100, (n, 1)) * (LABELS == 3)
    return cell(rng.random((n, IMAGES)) > ERROR + moves, "algo_impl", with_null=True)


def sub_groups(rng: np.random.Generator, n: int, spread: float = 0.0) -> Rows:
    """Return a cell for C5: in percentage points, runs move the false-negative rate of the small group by `spread`."""
    positive, small = np.arange(IMAGES) % 2 == 0, np.arange(IMAGES) % 10 == 0
    wrong = rng.random((n, IMAGES)) < 0.2 + rng.normal(0, spread / 100, (n, 1)) * small
    predicted = np.where(wrong, ~positive, positive).astype(np.int16)
    groups = {"group": np.stack([small, ~small], 1), "group_name": np.array(["few", "many"]), "target": np.array(0)}
    found = Predictions(positive[:, None].astype(int), predicted, predicted, None, None, groups)
    about = COMMON | {"hardware": "cpu", "task": "net-faces", "noise": "algo_impl", "n_replicates": n, "seed_sets": 1}
    return [about | row for row in group_rows(found, np.zeros(n, int), np.random.default_rng(0))]


# --- truths ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """A truth about a claim: the verdict that it should lead to, if any, and the verdicts that would be false."""

    claim: str
    name: str
    draw: Callable[[np.random.Generator, int], Rows]
    right: str = ""
    false: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.claim} {self.name}"


YES, NO = REPRODUCED, NOT_REPRODUCED
TRUTHS = [
    Truth("C2", "equal", lambda rng, n: two_noises(rng, n, 1), YES, (NO,)),
    Truth("C2", "five times", lambda rng, n: two_noises(rng, n, 5), NO, (YES,)),
    Truth("C2", "at the margin", lambda rng, n: two_noises(rng, n, SAME_ORDER), "", (YES, NO)),
    Truth("C3", "equal, five sets", lambda rng, n: means(rng, n, spread=0.1, error=0.005), YES, (NO,)),
    Truth("C3", "equal, five sets that differ", lambda rng, n: means(rng, n, spread=0.8), "", (NO,)),
    Truth("C3", "equal, one set", lambda rng, n: means(rng, n, spread=0.8, sets=1), "", (NO,)),
    Truth("C3", "2 points apart", lambda rng, n: means(rng, n, moved=2, spread=0.1), NO, (YES,)),
    Truth("C3", "at the margin", lambda rng, n: means(rng, n, moved=0.5, spread=0.1), "", (YES, NO)),
    Truth("C4", "independent errors", classes, "", (YES,)),
    Truth("C4", "one class moves by 10 points", lambda rng, n: classes(rng, n, spread=10), YES, (NO,)),
    Truth("C4", "all classes move by 5 points", lambda rng, n: classes(rng, n, shared=5), YES, (NO,)),
    Truth("C5", "independent errors", sub_groups, "", (YES,)),
    Truth("C5", "the group moves by 10 points", lambda rng, n: sub_groups(rng, n, spread=10), YES, (NO,)),
    Truth("C6", "half", lambda rng, n: batch_norm(rng, n, 2), YES, (NO,)),
    Truth("C6", "equal", lambda rng, n: batch_norm(rng, n, 1), NO, (YES,)),
    Truth("C6", "at the margin", lambda rng, n: batch_norm(rng, n, SAME_LEVEL), "", (NO,)),
    Truth("C7", "one of four is half", lambda rng, n: tasks(rng, n, 1, 1, 1, 2), YES, (NO,)),
    Truth("C7", "four equal", lambda rng, n: tasks(rng, n, 1, 1, 1, 1), NO, (YES,)),
    Truth("C7", "two at the margin", lambda rng, n: tasks(rng, n, 1, SAME_LEVEL), "", (NO,)),
    Truth("C8", "one of three is half", lambda rng, n: devices(rng, n, 1, 1, 2), YES, (NO,)),
    Truth("C8", "three equal", lambda rng, n: devices(rng, n, 1, 1, 1), NO, (YES,)),
    Truth("C8", "two at the margin", lambda rng, n: devices(rng, n, 1, SAME_LEVEL), "", (NO,)),
    Truth("C10", "six rise", lambda rng, n: devices(rng, n, 5, 4, 3, 2, 1.5, 1), YES, (NO,)),
    Truth("C10", "six fall", lambda rng, n: devices(rng, n, 1, 1.5, 2, 3, 4, 5), NO, (YES,)),
    Truth("C10", "six equal", lambda rng, n: devices(rng, n, 1, 1, 1, 1, 1, 1), "", (YES, NO)),
    Truth("C10", "four rise", lambda rng, n: devices(rng, n, 4, 3, 2, 1), "", (YES, NO)),
]


def rates(truth: Truth, n: int, draws: int, seed: int = 0) -> dict[str, float]:
    """Return how often each verdict is given, over independent draws of a truth with n replicates per cell."""
    rng = np.random.default_rng([seed, TRUTHS.index(truth), n])
    found = pd.Series([word for _ in range(draws) for word in words(truth.draw(rng, n), truth.claim)])
    return dict(found.value_counts(normalize=True))
