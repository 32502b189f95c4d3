"""Several processes through gloo on this CPU, as a user runs them: one epoch of the small CNN on digits."""

import json
from pathlib import Path

import pytest
from conftest import noisegrid, snakemake
from factories import cells, study, write_study

pytestmark = pytest.mark.slow

RECIPES = {
    "ranks-digits": {"like": "smallcnn-digits", "batch_size": 120, "epochs": 1, "schedule": []},
    "two-digits": {"like": "ranks-digits", "world_size": 2},
    "two_small-digits": {"like": "two-digits", "bucket_mb": 0.001},
    "three-digits": {"like": "ranks-digits", "world_size": 3},
}
METRICS = "results/ranks/metrics.csv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder of the finished study: two replicates of each world and of each bucket."""
    place = tmp_path_factory.mktemp("ranks")
    blocks = [
        cells("ranks-digits", "world_size", replicates=8),
        cells("three-digits", "bucket_mb", replicates=8),
        *(cells(task, "control") for task in RECIPES),
    ]
    path = write_study(place, study(*blocks, name="ranks", tasks=RECIPES))
    done = snakemake(place, METRICS, study=path.name)
    assert done.returncode == 0, done.stdout
    return place


def records(folder: Path, task: str, noise: str) -> list[dict]:
    paths = (folder / "results/ranks/replicates/cpu" / task / noise).glob("*/record.json")
    return [json.loads(path.read_text()) for path in paths]


def hashes(folder: Path, task: str, noise: str, switch: str) -> dict[float, set[str]]:
    """Return the weight hashes of each value of a switch."""
    found: dict[float, set[str]] = {}
    for record in records(folder, task, noise):
        found.setdefault(record["flags"].get(switch), set()).add(record["weight_hash"])
    return found


def test_each_world_repeats_its_bits_and_four_worlds_have_four_hashes(folder):
    """n = 2 replicates of each world."""
    found = hashes(folder, "ranks-digits", "world_size", "world_size")
    assert sorted(found) == [1, 2, 3, 4] and all(len(each) == 1 for each in found.values())
    assert len(set.union(*found.values())) == 4


def test_a_drawn_world_is_the_same_training_as_a_stated_one(folder):
    drawn = hashes(folder, "ranks-digits", "world_size", "world_size")
    stated = {
        world: hashes(folder, task, "control", "world_size") for world, task in ((2, "two-digits"), (3, "three-digits"))
    }
    assert stated == {2: {2: drawn[2]}, 3: {3: drawn[3]}}
    assert hashes(folder, "ranks-digits", "control", "world_size") == {None: drawn[1]}  # without ranks


def test_the_bucket_changes_bits_at_three_ranks_and_not_at_two(folder):
    """n = 2 replicates of each size. All weights fit into 1 MB, so 1 and 25 MB are one bucket."""
    three = hashes(folder, "three-digits", "bucket_mb", "bucket_mb")
    assert sorted(three) == [0.001, 0.01, 1, 25] and all(len(each) == 1 for each in three.values())
    assert three[1] == three[25] and len(set.union(*three.values())) == 3
    small, default = (hashes(folder, f"{task}-digits", "control", "world_size")[2] for task in ("two_small", "two"))
    assert small == default and len(default) == 1


def test_any_world_can_be_run_again_from_its_record(folder):
    path = next(
        path
        for path in (folder / "results/ranks/replicates/cpu/ranks-digits/world_size").glob("*/record.json")
        if json.loads(path.read_text())["flags"]["world_size"] == 3
    )
    done = noisegrid("replay", path, cwd=folder)
    assert done.returncode == 0 and "same bits" in done.stdout, done.stdout
    refused = noisegrid("diverge", path, path, cwd=folder)
    assert "trains with 3 processes (world_size), but diverge records the steps of one" in refused.stdout
