"""Verdicts on simulated replicates whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from noisegrid.common.schemas import catalog
from noisegrid.measuring import cell as measuring
from noisegrid.reporting.claims import (
    INSIDE_NULL,
    NOT_DECIDED,
    NOT_MEASURED,
    NOT_REPRODUCED,
    REPRODUCED,
    judge,
)

CLASSES = 10
COMMON = {"study": "s", "hardware": "cpu", "device": "d", "versions": "v", "n_examples": 2000}


def predictions_of(correct: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Predictions that are right where `correct` says so, and else the next class."""
    return np.where(correct, labels, (labels + 1) % CLASSES)


def cell(
    correct: np.ndarray,
    labels: np.ndarray,
    noise: str,
    task: str = "net-data",
    l2: float = 1.0,
    with_null: bool = False,
) -> list[dict]:
    """Return the rows that measuring such replicates gives.

    L2 is given, since simulated replicates have no weights. The null, which C4 alone reads, takes most of the time.
    """
    n = len(correct)
    seed_set = np.zeros(n, int)
    distances = l2 * (1 - np.eye(n))
    hashes = [str(number if l2 else 0) for number in range(n)]
    rows = [
        measuring.hash_row(hashes, seed_set),
        *measuring.accuracy_rows(correct, np.arange(n), seed_set),
        *measuring.pair_rows(
            predictions_of(correct, labels), np.eye(CLASSES)[predictions_of(correct, labels)], seed_set
        ),
        *(measuring.class_rows(correct, labels, seed_set, np.random.default_rng(0)) if with_null else ()),
        *(
            row
            for name in ("l2_raw", "l2_raw_buffers")
            for row in measuring._distance_rows(name, "1", distances, seed_set)
        ),
    ]
    counterpart = task.replace("_bn", "") if "_bn" in task else ""
    common = COMMON | {"task": task, "noise": noise, "n_replicates": n, "without_batch_norm": counterpart}
    return [common | row for row in rows]


def verdicts(rows: list[dict]) -> dict[str, list[str]]:
    found = judge(pd.DataFrame(rows, columns=list(measuring.COLUMNS)))
    return {claim: [v.verdict for v in found if v.claim == claim] for claim in catalog("claims")}


LABELS = np.arange(2000) % CLASSES


def independent(rng: np.random.Generator, n: int = 10, error: float = 0.1) -> np.ndarray:
    return rng.random((n, 2000)) > error


def test_every_claim_has_its_line():
    found = verdicts([])
    assert list(found) == [f"C{number}" for number in range(1, 17)]
    assert all(verdict == [NOT_MEASURED] for verdict in found.values())


def test_independent_errors_are_inside_the_null():
    """In 95 of 100 studies, by definition; 12 simulated ones may hold two exceptions."""
    found = [
        verdicts(cell(independent(np.random.default_rng(s)), LABELS, "algo_impl", with_null=True))["C4"]
        for s in range(12)
    ]
    assert found.count([INSIDE_NULL]) >= 10
    assert [REPRODUCED] not in found


@pytest.mark.parametrize("seed", range(5))
def test_a_class_that_really_varies_is_reproduced(seed):
    """Class 3 is good in half of the runs and bad in the other half; all else errs independently."""
    rng = np.random.default_rng(seed)
    correct = independent(rng)
    bad = np.where(np.arange(10)[:, None] % 2, 0.5, 0.05)
    correct[:, LABELS == 3] = rng.random((10, 200)) > bad
    # the overall accuracy is held still by the other classes, which would else move with class 3
    correct[:, LABELS == 4] = rng.random((10, 200)) > 0.55 - bad
    assert verdicts(cell(correct, LABELS, "algo_impl", with_null=True))["C4"] == [REPRODUCED]


def test_too_few_runs_are_not_decided():
    correct = independent(np.random.default_rng(0), n=3)
    rows = [row for noise in ("algo_impl", "impl", "algo") for row in cell(correct, LABELS, noise, with_null=True)]
    found = verdicts(rows)
    assert found["C2"] == found["C3"] == found["C4"] == [NOT_DECIDED]


def test_same_order_and_not():
    rng = np.random.default_rng(0)
    same = cell(independent(rng), LABELS, "impl") + cell(independent(rng), LABELS, "algo")
    assert verdicts(same)["C2"] == [REPRODUCED]
    less = cell(independent(rng, error=0.02), LABELS, "impl") + cell(independent(rng), LABELS, "algo")
    assert verdicts(less)["C2"] == [NOT_REPRODUCED]


def test_same_mean_and_not():
    rng = np.random.default_rng(0)
    noises = ("algo_impl", "algo", "impl")
    sharp = [row for noise in noises for row in cell(independent(rng, n=60, error=0.02), LABELS, noise)]
    assert verdicts(sharp)["C3"] == [REPRODUCED]
    moved = [row for noise, error in zip(noises, (0.1, 0.1, 0.15), strict=True)
             for row in cell(independent(rng, error=error), LABELS, noise)]  # fmt: skip
    assert verdicts(moved)["C3"] == [NOT_REPRODUCED]


def test_implementation_noise_needs_a_control_that_is_zero():
    correct, still = independent(np.random.default_rng(0)), np.tile(independent(np.random.default_rng(1), n=1), (10, 1))
    control = cell(still, LABELS, "control", l2=0.0)
    assert verdicts(cell(correct, LABELS, "impl") + control)["C1"] == [REPRODUCED]
    assert verdicts(cell(still, LABELS, "impl", l2=0.0) + control)["C1"] == [NOT_REPRODUCED]  # a zero is a finding
    assert verdicts(cell(correct, LABELS, "impl") + cell(correct, LABELS, "control"))["C1"] == [NOT_REPRODUCED]
    assert verdicts(cell(correct, LABELS, "impl"))["C1"] == [NOT_MEASURED]


def test_one_unequal_pair_is_proof_for_any_number_of_runs():
    """Existence needs no interval: one of ten runs differs, or one of two. Two equal runs prove nothing."""
    still = np.tile(independent(np.random.default_rng(1), n=1), (10, 1))
    control = cell(still, LABELS, "control", l2=0.0)
    for n in (2, 10):
        rows = cell(still[:n], LABELS, "impl", l2=0.0)
        changed = [r | {"value": n - 1} if r["metric"] == "unequal_weights" else r for r in rows]
        assert verdicts(changed + control)["C1"] == [REPRODUCED]
    assert verdicts(cell(still[:2], LABELS, "impl", l2=0.0) + control)["C1"] == [NOT_DECIDED]


def test_every_claim_is_complete():
    for name, entry in catalog("claims").items():
        assert set(entry) == {"grade", "claim", "test", "effect"} and all(entry.values()), name


def test_in_batch_order():
    correct = independent(np.random.default_rng(0))
    control = cell(np.tile(correct[:1], (10, 1)), LABELS, "control", l2=0.0)
    assert verdicts(cell(correct, LABELS, "in_batch_order", l2=0.1) + control)["C11"] == [REPRODUCED]


def test_batch_norm_that_halves_churn_and_one_that_does_not():
    rng = np.random.default_rng(0)
    plain = cell(independent(rng), LABELS, "algo_impl")
    helped = plain + cell(independent(rng, error=0.05), LABELS, "algo_impl", task="net_bn-data")
    assert verdicts(helped)["C6"] == [REPRODUCED]
    harmed = plain + cell(independent(rng, error=0.2), LABELS, "algo_impl", task="net_bn-data")
    assert verdicts(harmed)["C6"] == [NOT_REPRODUCED]
    assert verdicts(helped)["C7"] == [REPRODUCED]


def test_equal_tasks_are_rarely_called_different():
    """The largest over the smallest of four equal cells exceeds 1 by construction; the verdict must know that."""
    called = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = [row for k in range(4) for row in cell(independent(rng, n=8), LABELS, "algo_impl", task=f"net{k}-data")]
        called += verdicts(rows)["C7"] == [REPRODUCED]
    assert called <= 3


def test_published_values_are_the_verified_ones_only():
    published = pd.read_csv(ROOT / "workflow/catalog/published.csv")
    assert all(grade[0] in "AC" for grade in published["grade"])
