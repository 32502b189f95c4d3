"""Two crates are compared: their designs, weights, predictions and numbers."""

import re
import shutil
import zipfile
from pathlib import Path

import pytest
from conftest import noisegrid
from factories import ALGO, RESULTS, forged, packed, rewrite_record
from forgeries import better_predictions, edit_predictions, edit_text

from noisegrid.common.files import sha256
from noisegrid.crate.comparison import _unequal_numbers


@pytest.mark.slow
class TestCompare:
    @pytest.mark.release
    def test_two_labs_with_other_seeds(self, package, tmp_path):
        other = packed(Path(shutil.copytree(package.parents[2] / "resources", tmp_path / "resources")).parent, seed=2)
        done = noisegrid("compare", package, other, "--output", tmp_path / "out")
        assert done.returncode == 0, done.stdout
        assert "design:  0 of 2 cells have the same settings" in done.stdout
        assert "cpu/short-digits/algo: differs: seed: 1 -> 2" in done.stdout
        assert "weights: 0 of 6 shared replicates end with equal weights\n" in done.stdout
        assert re.search(r"numbers: \d of 6 agree within their 95 % intervals", done.stdout)
        table = (tmp_path / "out/comparison.csv").read_text()
        assert table.count("\n") == 1 + 2 * 3 and (tmp_path / "out/comparison.png").stat().st_size > 10_000

    def test_a_package_and_itself(self, package, tmp_path):
        done = noisegrid("compare", package, package, "--output", tmp_path / "out")
        assert "design:  2 of 2 cells have the same settings" in done.stdout
        said = "weights: 6 of 6 shared replicates end with equal weights; 6 of these 6 have equal predictions\n"
        assert done.returncode == 0 and said in done.stdout and "numbers: 6 of 6 agree" in done.stdout
        digest = sha256(package)[:16]
        assert f"first:   {package} (SHA-256 {digest}…)\nsecond:  {package} (SHA-256 {digest}…)" in done.stdout

    def test_other_predictions_of_equal_weights_are_a_difference(self, package, tmp_path):
        other = forged(package, tmp_path, better_predictions)
        done = noisegrid("compare", package, other, "--output", tmp_path / "out")
        assert done.returncode == 1, done.stdout
        assert "weights: 6 of 6 shared replicates end with equal weights; 5 of these 6 have equal" in done.stdout
        assert re.search(r"^DIFFERENT: equal weights have equal predictions", done.stdout, re.M)
        said = "  - cpu/short-digits/algo/0: the weights are equal, but not the logits\n"
        assert said in done.stdout and done.stdout.count("  - ") == 1

    def test_two_classes_that_are_as_likely_are_no_difference(self, package, tmp_path):
        """Rounding decides between them; the predictions differ, and the logits agree."""

        def likely(chosen: int) -> Path:
            def edit(arrays: dict) -> None:
                arrays["logits"][0] = 0
                arrays["logits"][0, chosen] = 1e-6

            place = tmp_path / str(chosen)
            return forged(package, place, lambda folder: edit_predictions(folder, edit))

        done = noisegrid("compare", likely(3), likely(4), "--output", tmp_path / "out")
        assert done.returncode == 0 and "6 of these 6 have equal predictions\n" in done.stdout, done.stdout

    def test_predictions_that_cannot_be_read_are_one_sentence(self, package, tmp_path):
        def edit(folder: Path) -> None:
            with zipfile.ZipFile(folder / ALGO / "0/predictions.npz", "w") as file:
                file.writestr("label.npy", b"not an array")
            rewrite_record(folder / ALGO / "0", lambda _: None)

        done = noisegrid("compare", package, forged(package, tmp_path, edit), "--output", tmp_path / "out")
        assert done.returncode == 1 and done.stdout.count("\n") == 1, done.stdout
        assert "cpu/short-digits/algo/0/predictions.npz cannot be read in one of the packages" in done.stdout

    def test_other_numbers_of_equal_runs_are_a_difference(self, package, tmp_path):
        other = forged(
            package, tmp_path, edit_text(f"{RESULTS}metrics.csv", r"(algo,churn,all,percent,)[^,]+", r"\g<1>0.01")
        )
        done = noisegrid("compare", package, other, "--output", tmp_path / "out")
        assert done.returncode == 1, done.stdout
        assert re.search(
            r"  - cpu/short-digits/algo: all runs end with .*, but churn \(value\) is \S+ and 0.01\n", done.stdout
        )

    def test_a_damaged_package_is_not_compared(self, package, tmp_path):
        data = bytearray(package.read_bytes())
        data[len(data) // 2] ^= 1
        (tmp_path / "damaged.zip").write_bytes(data)
        done = noisegrid("compare", package, tmp_path / "damaged.zip", "--output", tmp_path / "out")
        assert done.returncode == 1 and "for details, run: noisegrid verify" in done.stdout


def test_rounding_is_no_contradiction_and_the_next_digit_is():
    mine = {"n": 3, "value": 1.5, "low": 1.0, "high": float("nan")}
    assert not list(_unequal_numbers("c", "churn", mine, mine | {"value": 1.5 + 1e-8}, same_code=True))
    (why,) = _unequal_numbers("c", "churn", mine, mine | {"value": 1.5001}, same_code=False)
    assert why == "c: all runs end with equal weights, but churn (value) is 1.5 and 1.5001"
    assert len(list(_unequal_numbers("c", "churn", mine, mine | {"high": 2.0}, same_code=True))) == 1
    assert not list(_unequal_numbers("c", "churn", mine, mine | {"high": 2.0}, same_code=False))
