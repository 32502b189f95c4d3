"""Write oracles.json: what other tools say about the samples in this file.

    python -m venv /tmp/oracles && /tmp/oracles/bin/pip install deepsig rliable ictonyx deltagate
    /tmp/oracles/bin/python tests/gating/oracles/make.py

The tools are not installed for the tests, because they bring plotting and tuning libraries with them.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from deepsig import permutation_test
from deepsig.aso import compute_violation_ratio
from deltagate.multiplicity import holm_bonferroni
from deltagate.paired import paired_delta
from ictonyx.analysis import metric_direction, rank_biserial_correlation
from rliable.metrics import probability_of_improvement

METRICS = [
    "val_loss",
    "accuracy",
    "test_f1",
    "rmse",
    "neg_log_loss",
    "auc",
    "perplexity",
    "mae",
    "r2",
    "log_loss",
    "mse",
]
P_VALUES = [0.001, 0.04, 0.03, 0.2, 0.012]


def samples() -> list[tuple[list[float], list[float]]]:
    """Return pairs of samples of equal size: without an effect, with ties, with an effect, with a large one."""
    rng = np.random.default_rng(18)
    pairs = [
        (rng.normal(size=n), rng.normal(effect, 1.5, n)) for n, effect in ((5, 0.0), (10, 0.5), (20, 1.0), (8, 4.0))
    ]
    pairs.append((rng.integers(90, 95, 10).astype(float), rng.integers(91, 96, 10).astype(float)))
    return [(base.round(6).tolist(), new.round(6).tolist()) for base, new in pairs]


def oracle(base: list[float], new: list[float]) -> dict[str, object]:
    """Return what the tools say about one pair of samples."""
    first, second = np.array(base), np.array(new)
    delta = paired_delta(new, base)
    return {
        "base": base,
        "new": new,
        "rliable probability of improvement": float(probability_of_improvement(second[:, None], first[:, None])),
        "ictonyx rank biserial": float(rank_biserial_correlation(pd.Series(new), pd.Series(base))[0]),
        "deepsig violation ratio": float(compute_violation_ratio(second, first, dt=1e-5)),
        "deepsig permutation p": float(permutation_test(second, first, num_samples=20_000, seed=1)),
        "deltagate delta": float(delta["delta"]),
        "deltagate standard error": float(delta["stderr"]),
    }


def main() -> None:
    """Write the file."""
    tools = ("deepsig", "rliable", "ictonyx", "deltagate", "numpy")
    document = {
        "versions": {name: version(name) for name in tools},
        "samples": [oracle(*pair) for pair in samples()],
        "ictonyx direction": {name: metric_direction(name) for name in METRICS},
        "holm": {"p": P_VALUES, "deltagate": list(map(float, holm_bonferroni(P_VALUES).adjusted))},
    }
    Path(__file__).with_name("oracles.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
