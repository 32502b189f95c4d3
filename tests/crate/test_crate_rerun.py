"""Some replicates of a crate are trained again: which, what is printed, and the exit code."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, noisegrid
from factories import ALGO, RESULTS, forged, rewrite_record
from forgeries import better_predictions, edit_predictions

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.crate import chosen, rerun, verify
from noisegrid.crate.crate import open_crate

OTHER_MODEL = {"host_processor": "another model"}


def all_checks(path: Path, place: Path) -> list[str]:
    """Return what verify finds in a crate."""
    place.mkdir()
    return verify.verify(open_crate(path, place))


def made_up_hashes(folder: Path, device: dict[str, str] | None = None) -> None:
    """Give three replicates weight hashes that were made up, and a device, with a chunk file and records that agree."""
    for number in "012":

        def edit(record: dict, made_up: str = number * 64) -> None:
            record.update(weight_hash=made_up, device=record["device"] | (device or {}))

        rewrite_record(folder / ALGO / number, edit)
    chunk = next((folder / RESULTS).glob("chunks/cpu/*.json"))
    document = json.loads(chunk.read_text())
    document["cells"]["cpu/short-digits/algo"]["weight_hashes"] = {number: number * 64 for number in "012"}
    chunk.write_text(json.dumps(document))


@pytest.mark.slow
class TestRerun:
    def test_random_replicates_end_with_the_same_bits(self, package, tmp_path):
        done = noisegrid("verify", package, "--rerun", 2, "--choice", 7, "--datasets", tmp_path / "none")
        assert done.returncode == 0 and done.stdout.count(": same bits") == 2, done.stdout
        assert "rerun           2 of 6 replicates (to choose the same again: --choice 7)" in done.stdout
        assert "2 of 6 at random would include it with a probability of 33.3 %" in done.stdout
        last = done.stdout.splitlines()[-1]
        assert ": same, and 2 of 2 replicates trained again ended with the same bits (" in last

    def test_a_hash_that_was_made_up_is_found(self, package, tmp_path):
        """With chunk file and records that agree: only training again can tell."""

        path = forged(package, tmp_path, made_up_hashes)
        assert all_checks(path, tmp_path / "check") == []
        done = noisegrid("verify", path, "--rerun", 6)
        assert done.returncode == 1 and done.stdout.count("OTHER BITS") == 3, done.stdout
        assert (
            "cpu/short-digits/algo/0: OTHER BITS" in done.stdout
            and "DIFFERENT: 3 differences, see above; the first: cpu/short" in done.stdout
        )

    @pytest.mark.release
    def test_a_replicate_from_another_processor_model_is_neither_same_nor_different(self, package, tmp_path):
        path = forged(package, tmp_path, lambda folder: made_up_hashes(folder, {"host_processor": "another model"}))
        assert all_checks(path, tmp_path / "check") == []
        done = noisegrid("verify", path, "--rerun", 6)
        assert done.returncode == 0 and "OTHER BITS" not in done.stdout, done.stdout
        assert "cpu/short-digits/algo/0: other bits on another processor model" in done.stdout
        assert "another processor model: " in done.stdout
        assert ": same, and 3 of 6 replicates trained again ended with the same bits (" in done.stdout
        assert "3 of 6 replicates cannot be judged, because another processor model trained them" in done.stdout

    def test_nothing_reproduced_has_its_own_exit_code(self, package, tmp_path):
        """Other weights and another processor: no difference, but neither what `same` alone would say."""
        path = forged(package, tmp_path, lambda folder: made_up_hashes(folder, OTHER_MODEL))
        done = noisegrid("verify", path, "--rerun", "cpu/short-digits/algo/0")
        assert done.returncode == verify.NOT_REPRODUCED == 6, done.stdout
        assert "rerun           1 of 6 replicates\n" in done.stdout and "at random" not in done.stdout
        last = done.stdout.splitlines()[-1]
        assert ": same, but 0 of 1 replicate trained again ended with the same bits (" in last

    @pytest.mark.parametrize("device", [{}, OTHER_MODEL])
    def test_other_predictions_of_equal_weights_are_a_difference_on_any_device(self, package, tmp_path, device):
        def edit(folder: Path) -> None:
            better_predictions(folder)
            rewrite_record(folder / ALGO / "0", lambda record: record["device"].update(device))

        (tmp_path / "out").mkdir()
        crate = open_crate(forged(package, tmp_path, edit), tmp_path / "out")
        names = ["cpu/short-digits/algo/0", "cpu/short-digits/algo/1"]
        again = rerun.rerun(crate, names, None, tmp_path / "none", 600)
        why = "cpu/short-digits/algo/0, trained again: the final weights are equal, but these are not: predictions"
        assert (again.wrong, again.same, again.trained) == ([why], 1, 2)

    def test_another_start_of_equal_weights_is_named(self, package, tmp_path):
        def edit(folder: Path) -> None:
            rewrite_record(folder / ALGO / "0", lambda record: record.update(initial_weight_hash="0" * 64))

        (tmp_path / "out").mkdir()
        crate = open_crate(forged(package, tmp_path, edit), tmp_path / "out")
        again = rerun.rerun(crate, ["cpu/short-digits/algo/0"], None, tmp_path / "none", 600)
        why = "cpu/short-digits/algo/0, trained again: the final weights are equal, but these are not: initial weights"
        assert again.wrong == [why]

    def test_logits_that_another_kernel_rounded_are_excused_on_another_device(self, package, tmp_path):
        def edit(folder: Path) -> None:
            edit_predictions(folder, lambda arrays: arrays.update(logits=arrays["logits"] * np.float32(1 + 1e-6)))
            rewrite_record(folder / ALGO / "0", lambda record: record["device"].update(OTHER_MODEL))

        (tmp_path / "out").mkdir()
        crate = open_crate(forged(package, tmp_path, edit), tmp_path / "out")
        again = rerun.rerun(crate, ["cpu/short-digits/algo/0"], None, tmp_path / "none", 600)
        assert (again.wrong, again.same, again.trained) == ([], 0, 1)

    def test_a_replicate_that_the_package_lacks_is_refused_before_anything_is_checked(self, package):
        done = noisegrid("verify", package, "--rerun", "cpu/short-digits/algo/7")
        assert done.returncode == 1 and done.stdout.count("\n") == 1, done.stdout
        assert (
            "--rerun: unknown replicate 'cpu/short-digits/algo/7'; did you mean 'cpu/short-digits/algo/" in done.stdout
        )

    def test_what_lies_apart_is_suggested(self, package, tmp_path):
        def edit(folder: Path) -> None:
            path = folder / RESULTS / "metrics.csv"
            head, *lines = path.read_text().splitlines()
            place = head.split(",").index("noise")
            row = next(line for line in lines if line.split(",")[place] == "algo")
            schema = row.rpartition(",")[2]
            noted = row.removesuffix(f",{schema}").rpartition(",")[0]
            text = "replicate {} lies apart from all others, so the interval is too narrow"
            more = [f'{noted},"{text.format(number)}",{schema}' for number in (2, 2, 900)]
            path.write_text("\n".join([head, *lines, *more]) + "\n")

        (tmp_path / "out").mkdir()
        crate = open_crate(forged(package, tmp_path, edit), tmp_path / "out")
        chosen.suggest(crate)
        (note,) = crate.notes
        assert note.startswith("cpu/short-digits/algo/2 lies apart from the other replicates of the cell, and ")
        assert note.endswith("again: --rerun cpu/short-digits/algo/2")

    def test_what_cannot_be_run_here_says_why(self, package, tmp_path):
        (tmp_path / "torch.py").write_text("raise ImportError('torch is broken here')\n")
        done = noisegrid("verify", package, "--rerun", 1, PYTHONPATH=f"{tmp_path}:{ROOT / 'workflow'}")
        assert done.returncode == 6, done.stdout
        assert ": same, but no replicate was trained again (" in done.stdout
        assert "not possible here\n    ImportError: torch is broken here" in done.stdout

    def test_code_that_a_package_names_is_not_run(self):
        task = {"build": "torch.hub:load", "options": {"repo_or_dir": ".", "model": "m", "source": "local"}}
        named = {"settings": {"task": task}, "dataset": {"name": "digits"}}
        with pytest.raises(NoisegridError, match=r"torch\.hub:load, digits.* code .* is not run"):
            rerun._check_known(named)
        entry = catalog("networks")["smallcnn"]
        task = {"build": entry["build"], "options": entry["options"]}
        rerun._check_known({"settings": {"task": task}, "dataset": {"name": "digits"}})
        task = {"build": entry["build"], "options": {**entry["options"], "weights": "http://evil.test"}}
        with pytest.raises(NoisegridError, match="is not in the catalog"):
            rerun._check_known({"settings": {"task": task}, "dataset": {"name": "digits"}})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0", "0 is too small; write 1 or more"),
        ("-1", "-1 is too small; write 1 or more"),
        ("cpu/algo/2", "'cpu/algo/2' is neither a whole number nor a replicate such as cpu/smallcnn-digits/algo/2"),
    ],
)
def test_what_is_no_count_and_no_replicate_is_refused_at_once(text, why):
    done = noisegrid("verify", "x.zip", "--rerun", text)
    assert done.returncode == 2 and f"argument --rerun: {why}" in done.stdout and done.stdout.count("\n") == 1
