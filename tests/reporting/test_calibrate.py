"""How often verdicts err, on studies made by hand and on the finished tiny study."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from claim_truths import COMMON, IMAGES, LABELS, cell, seed_sets, uneven
from conftest import noisegrid
from scipy.stats import binom

from noisegrid import stats
from noisegrid.common.paths import StudyPaths
from noisegrid.measuring.classes import group_rows
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import COLUMNS, metric_row
from noisegrid.measuring.simulate import estimate
from noisegrid.reporting import calibrate as calibration
from noisegrid.reporting import claims
from noisegrid.reporting.calibrate import calibrate
from noisegrid.reporting.truths import SIMULATED, Measured
from noisegrid.reporting.verdicts import NOT_REPRODUCED, REPRODUCED, Verdict

Cells = dict[tuple[str, str, str], np.ndarray]


def made(cells: Cells, sets: int = 1, sizes: dict[str, int] | None = None) -> Measured:
    """Return a study made by hand, from the replicates of each (hardware, task, noise)."""
    rows, found = [], []
    for (hardware, task, noise), correct in cells.items():
        n = len(correct)
        of = seed_sets(n, sets) if noise == "impl" and sets > 1 else np.zeros(n, int)
        rows += cell(correct, noise, task, hardware, of)
        predicted = np.where(correct, LABELS, (LABELS + 1) % 10).astype(np.int16)
        about = {key: rows[-1][key] for key in ("study", "hardware", "task", "noise", "without_batch_norm")}
        one = estimate(about, Predictions(LABELS, predicted, predicted, None, None, {}), of)
        if sizes:
            one = replace(one, multiprocessors=sizes[hardware])
            rows.append(rows[-1] | metric_row("multiprocessors", "count", sizes[hardware]))
        found.append(one)
    return Measured(pd.DataFrame(rows, columns=list(COLUMNS)), found)


def pair(n: int = 10, ratio: float = 1.0, seed: int = 0, sets: int = 1) -> Measured:
    """Two cells for C2, in which churn of `algo` is about `ratio` times that of `impl`."""
    rng = np.random.default_rng(seed)
    cells = {"impl": uneven(rng, n, 0.1 / ratio), "algo": uneven(rng, n)}
    return made({("cpu", "net-data", noise): correct for noise, correct in cells.items()}, sets)


def row(rows: list[dict], claim: str, word: str) -> dict:
    (found,) = [r for r in rows if r["claim"] == claim and r.get("word") == word]
    return found


@pytest.mark.parametrize("sets", [1, 5])
def test_the_size_is_at_most_5_percent_and_a_clear_truth_is_found(sets):
    draws = 100
    rows = calibrate(pair(sets=sets), None, draws, seed=0)
    for word in (REPRODUCED, NOT_REPRODUCED):
        found = row(rows, "C2", word)
        assert found["size"] * draws <= binom.ppf(0.995, draws, 0.05)
        assert found["power"] > 0.8
        assert found["size_low"] <= found["size"] <= found["size_high"]
        assert (found["draws"], found["n"]) == (draws, 10)


def test_power_rises_with_n_and_with_the_effect():
    def power(n: int, ratio: float) -> float:
        return row(calibrate(pair(n, ratio), None, 40, seed=0), "C2", NOT_REPRODUCED)["power"]

    few, many, far = power(5, 2.7), power(12, 2.7), power(5, 6)
    assert few < many - 0.2
    assert few < far - 0.2


def test_a_verdict_that_always_says_reproduced_has_size_1(monkeypatch):
    """The negative control: the same table shows that such a test is worthless."""
    monkeypatch.setitem(claims.TESTS, "C2", lambda measured: iter([Verdict("", "net", REPRODUCED, 1.0, n=10)]))
    found = row(calibrate(pair(), None, 20, seed=0), "C2", REPRODUCED)
    assert (found["size"], found["power"]) == (1, 1)
    assert found["size_low"] > 0.8
    assert row(calibrate(pair(), None, 20, seed=0), "C2", NOT_REPRODUCED)["power"] == 0


def test_a_test_at_a_wrong_level_is_found(monkeypatch):
    """A subtler control: each test at 30 % instead of 5 % errs too often, and is seen to."""
    monkeypatch.setattr("noisegrid.reporting.verdicts.ALPHA", 0.3)
    found = row(calibrate(pair(), None, 100, seed=0), "C2", REPRODUCED)
    assert found["size_low"] > 0.05


def test_the_same_seed_gives_the_same_rows():
    first, again, other = (calibrate(pair(ratio=2.2), None, 20, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_fewer_than_five_replicates_never_decide():
    for word in (REPRODUCED, NOT_REPRODUCED):
        found = row(calibrate(pair(4), None, 5, seed=0), "C2", word)
        assert (found["size"], found["power"], found["n"]) == (0, 0, 4)


def noisy(seed: int, error: float = 0.1) -> np.ndarray:
    return uneven(np.random.default_rng(seed), 10, error)


def test_every_claim_that_a_study_measures_has_its_rows():
    tasks = ("net-data", "net_bn-data")
    cells = {
        ("cpu", task, noise): noisy(10 * k + j, 0.1 / (1 + k))
        for k, task in enumerate(tasks)
        for j, noise in enumerate(("algo_impl", "algo", "impl"))
    }
    still = np.tile(noisy(3)[0], (10, 1))
    rows = calibrate(made(cells | {("cpu", "net-data", "control"): still}), None, 4, seed=0)
    assert [r["claim"] for r in rows if r["note"] == "a fact"] == ["C1"]
    simulated = {claim: sum(r["claim"] == claim for r in rows if "word" in r) for claim in ("C2", "C3", "C6", "C7")}
    assert simulated == {"C2": 4, "C3": 4, "C6": 2, "C7": 2}
    assert [r["claim"] for r in rows] == sorted((r["claim"] for r in rows), key=lambda claim: int(claim[1:]))
    assert all(r["power"] >= 0.5 for r in rows if r["claim"] in ("C6", "C7") and r["word"] == REPRODUCED)


def test_every_test_of_a_claim_is_calibrated_or_a_fact():
    assert set(SIMULATED) | set(calibration.FACTS) == set(claims.TESTS)
    assert not set(SIMULATED) & set(calibration.FACTS)


def test_several_devices():
    """Six devices whose churn rises: C8 and C10 are found, and equal devices are seldom called so."""
    names = [f"gpu{k}" for k in range(6)]
    cells = {(name, "net-data", "impl"): noisy(k, 0.03 + 0.02 * k) for k, name in enumerate(names)}
    rows = calibrate(made(cells, sizes={name: 10 * (k + 1) for k, name in enumerate(names)}), None, 20, seed=0)
    for claim in ("C8", "C10"):
        assert row(rows, claim, REPRODUCED)["power"] > 0.8
        assert row(rows, claim, REPRODUCED)["size"] <= 0.25
    assert row(rows, "C10", NOT_REPRODUCED)["power"] > 0.8


def test_a_cell_without_churn_is_simulated_with_the_noise_of_the_other():
    still = np.tile(noisy(3)[0], (10, 1))
    cells = {("cpu", "net-data", "impl"): still, ("cpu", "net-data", "algo"): noisy(1)}
    rows = calibrate(made(cells), None, 20, seed=0)
    assert row(rows, "C2", NOT_REPRODUCED)["where_true"] == "ratio of churns = 0"
    assert row(rows, "C2", NOT_REPRODUCED)["power"] == 1
    assert row(rows, "C2", REPRODUCED)["power"] > 0.8
    both = calibrate(made(dict.fromkeys(cells, still)), None, 5, seed=0)
    (note,) = [r["note"] for r in both]
    assert note.startswith("not calibrated: undefined: churn is 0 in both cells")


def over_null(shift: float, n: int = 10) -> Measured:
    """A cell for C4, in which class 3 moves by `shift`."""
    rng = np.random.default_rng(1)
    correct = rng.random((n, IMAGES)) > 0.1 + rng.normal(0, shift, (n, 1)) * (LABELS == 3)
    found = made({("cpu", "net-data", "algo_impl"): correct})
    rows = cell(correct, "algo_impl", with_null=True)
    return Measured(pd.DataFrame(rows, columns=list(COLUMNS)), found.cells)


def test_a_class_beyond_its_null(monkeypatch):
    monkeypatch.setattr(stats.null, "NULL_WORK", 1)  # 200 draws of the null
    rows = calibrate(over_null(0.15), None, 40, seed=0)
    found = row(rows, "C4", REPRODUCED)
    assert found["draws"] == 10  # a quarter
    assert found["size"] <= 0.3 and found["power"] >= 0.8
    assert found["where_false"] == "independent errors"
    assert row(rows, "C4", NOT_REPRODUCED)["power"] < 0.3  # ten replicates cannot show the absence of an effect


def test_a_sub_group_beyond_its_null(monkeypatch):
    monkeypatch.setattr(stats.null, "NULL_WORK", 1)
    rng, n = np.random.default_rng(0), 10
    positive, small = np.arange(IMAGES) % 2 == 0, np.arange(IMAGES) % 10 == 0
    wrong = rng.random((n, IMAGES)) < 0.2 + rng.normal(0, 0.15, (n, 1)) * small
    predicted = np.where(wrong, ~positive, positive).astype(np.int16)
    groups = {"group": np.stack([small, ~small], 1), "group_name": np.array(["few", "many"]), "target": np.array(0)}
    found = Predictions(positive[:, None].astype(int), predicted, predicted, None, None, groups)
    about = COMMON | {"hardware": "cpu", "task": "net-faces", "noise": "algo_impl", "n_replicates": n, "seed_sets": 1}
    rows = [about | r for r in group_rows(found, np.zeros(n, int), np.random.default_rng(0))]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    one = estimate(about | {"without_batch_norm": ""}, found, np.zeros(n, int))
    result = row(calibrate(Measured(frame, [one]), None, 40, seed=0), "C5", REPRODUCED)
    assert result["size"] <= 0.3 and result["power"] >= 0.8
    assert result["context"].startswith("few")


def test_hostile_text_is_escaped_as_in_the_other_tables(tmp_path):
    rows = [{"claim": "C2", "context": "=cmd|'x'!A1 <b>*bold*</b>", "verdict": REPRODUCED, "note": "a_b $x$", "n": 5}]
    frame = pair().frame
    calibration.write(rows, frame, StudyPaths(str(tmp_path), "s"))
    tables = tmp_path / "s/tables"
    for path in (tmp_path / "s/calibration.csv", tables / "calibration.csv"):
        with path.open() as file:
            assert next(csv.DictReader(file))["context"].startswith("'=cmd")
    assert "&lt;b&gt;" in (tables / "calibration.html").read_text()
    assert r"\*bold\*" in (tables / "calibration.md").read_text()
    assert r"\$x\$" in (tables / "calibration.tex").read_text()
    assert "n = 10 replicates per cell" in (tables / "calibration.md").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["quik"], "did you mean 'quick'?"),
        (["quick", "--results", "nowhere"], "quick: no replicate has finished in nowhere/quick; run the study first"),
        (["quick", "--draws", "0"], "--draws: 0 is too small; write at least 1"),
        (["quick", "--seed", "-1"], "--seed: -1 is too small; write at least 0"),
        (["quick", "--draws", "many"], "'many' is not a whole number"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(tmp_path, words, message):
    done = noisegrid("calibrate", *words, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert message in done.stdout and done.stdout.count("\n") == 1


@pytest.mark.slow
def test_the_tiny_study_from_its_records(copy_of_finished: Path):
    """Three replicates decide nothing, so that every rate is 0; facts and timings are named."""
    done = noisegrid("calibrate", "results/tiny/design.json", "--draws", 4, cwd=copy_of_finished)
    assert done.returncode == 0, done.stdout
    assert "wrote results/tiny/calibration.csv" in done.stdout
    with (copy_of_finished / "results/tiny/calibration.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"C1", "C2", "C3", "C4", "C6", "C7", "C11", "C13", "C14"} <= {r["claim"] for r in rows}
    assert {r["note"] for r in rows if r["claim"] in ("C1", "C11")} == {"a fact"}
    assert {r["note"] for r in rows if r["claim"] in ("C13", "C14")} == {"not calibrated: step times are not simulated"}
    assert {(r["size"], r["power"]) for r in rows if r["claim"] in ("C2", "C7")} == {("0", "0")}
    arguments = ("results/tiny/design.json", "--draws", 4, "--output", "elsewhere")
    assert noisegrid("calibrate", *arguments, cwd=copy_of_finished).returncode == 0
    written = ("calibration.csv", *(f"tables/calibration.{suffix}" for suffix in ("csv", "md", "tex", "html")))
    for name in written:  # the same bytes again
        again, first = (copy_of_finished / folder / name for folder in ("elsewhere", "results/tiny"))
        assert again.read_bytes() == first.read_bytes()
    shutil.rmtree(copy_of_finished / "results/tiny/replicates/cpu/tiny-digits/algo/1")
    shutil.rmtree(copy_of_finished / "results/tiny/replicates/cpu/tiny-digits/algo/2")
    done = noisegrid("calibrate", "results/tiny/design.json", cwd=copy_of_finished)
    assert "cpu/tiny-digits/algo: 1 of 3 replicates finished; a simulation needs two" in done.stdout
