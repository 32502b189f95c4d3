"""Missing and damaged replicates: found, named with the one command that helps, set aside and trained again."""

import json
import shutil

import pytest
from conftest import TINY, noisegrid, planned, snakemake

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import checksum_file
from noisegrid.records.damage import check_intact, damage_of, damaged, set_aside
from noisegrid.study.resolve import load_study

pytestmark = pytest.mark.slow
CELL = "replicates/cpu/tiny-digits/algo"


@pytest.fixture
def copy(finished, tmp_path):
    """The finished tiny study, to damage."""
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def delete(folder):
    shutil.rmtree(folder)


def empty(folder):
    for path in folder.iterdir():
        path.unlink()


def lose_predictions(folder):
    (folder / "predictions.npz").unlink()


def cut(folder):
    path = folder / "weights.npy"
    path.write_bytes(path.read_bytes()[:-7])


def break_record(folder):
    (folder / "record.json").write_text("{")


@pytest.mark.parametrize("damage", [delete, empty, lose_predictions, cut, break_record])
def test_damage_is_found_and_snakemake_names_the_remedy(copy, damage):
    """By status and by the next run; after `repair`, the replicate is trained again and ends with the same weights."""
    study, results = load_study(str(TINY)), copy / "results"
    folder = results / "tiny" / CELL / "1"
    recorded = json.loads((folder / "record.json").read_text())["weight_hash"]
    assert not list(damaged(study, results))
    damage(folder)
    (found,) = damaged(study, results)
    assert found.folder == folder and damage_of(folder) == found.why
    said = noisegrid("status", TINY, "--results", results).stdout
    assert f"damaged: replicate 1 of cpu/tiny-digits/algo {found.why}" in said and "64 of 65 replicates" in said
    with pytest.raises(NoisegridError, match="noisegrid repair"):
        check_intact(study, results)
    if damage is cut:  # once with all of Snakemake
        refused = snakemake(copy, "-n")
        assert refused.returncode != 0 and "`noisegrid repair" in refused.stdout, refused.stdout
        repaired = noisegrid("repair", TINY, cwd=copy)
        assert "1 replicates of results/tiny will be trained again" in repaired.stdout, repaired.stdout
        assert (folder.parent / ".1.damaged/weights.npy").exists()
        done = snakemake(copy, "results/tiny/metrics.csv")
        assert done.returncode == 0, done.stdout
        assert json.loads((folder / "record.json").read_text())["weight_hash"] == recorded
        assert not (folder.parent / ".1.damaged").exists()


def test_an_edited_byte_is_found_by_a_deep_look_only(copy):
    study, results = load_study(str(TINY)), copy / "results"
    path = results / "tiny" / CELL / "2/weights.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert not list(damaged(study, results))
    (found,) = damaged(study, results, deep=True)
    assert "weights.npy does not match its record" in found.why
    assert "1 damaged" in noisegrid("status", TINY, "--results", results, "--deep").stdout
    assert [one.folder for one in set_aside(study, results)] == [path.parent]


def test_results_without_the_folder_of_replicates_are_used_as_they_are(copy):
    shutil.rmtree(copy / "results/tiny/replicates")
    assert planned(snakemake(copy, "-n").stdout) == {}


@pytest.mark.parametrize("name", ["metrics.csv", "cells/cpu/tiny-digits.csv", "chunks/cpu/0-3.json"])
def test_an_edited_file_is_named_and_not_drawn_from(copy, name):
    path = copy / "results/tiny" / name
    text = path.read_text()
    path.write_text(text.replace("3", "4", 1) if name.endswith("json") else text.replace(",3,", ",2,", 1))
    assert path.read_text() != text
    figure = copy / "results/tiny/figures/figure_1.png"
    before = figure.read_bytes()
    done = snakemake(copy, "results/tiny/figures/figure_1.png", "results/tiny/figures/figure_1.pdf")
    assert done.returncode != 0
    assert f"results/tiny/{name} " in done.stdout and "Traceback" not in done.stdout, done.stdout
    assert not figure.exists() or figure.read_bytes() == before


@pytest.mark.parametrize("name", ["metrics.csv", "cells/cpu/tiny-digits.csv"])
def test_a_file_without_its_checksum_is_drawn_from_only_if_it_was_copied_alone(copy, tmp_path, name):
    path = copy / "results/tiny" / name
    alone = shutil.copy(copy / "results/tiny/metrics.csv", tmp_path)
    checksum_file(path).unlink()
    path.write_text(path.read_text().replace(",3,", ",2,", 1))
    done = snakemake(copy, "results/tiny/figures/figure_1.png", "results/tiny/figures/figure_1.pdf")
    assert done.returncode != 0 and f"its checksum {path.name}.sha256 is missing" in done.stdout, done.stdout
    assert noisegrid("figures", "figure_1", "--output", tmp_path, "--metrics", alone).returncode == 0
