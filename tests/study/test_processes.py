"""Several processes in a study: which worlds a recipe allows, what each replicate draws, and what is refused."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.crate import possible
from noisegrid.planning import plan
from noisegrid.planning.jobs import Jobs
from noisegrid.study.missing import why_missing
from noisegrid.study.processes import BUCKETS_MB, derive_switches, most_cores, worlds
from noisegrid.study.resolve import load_study
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.study import Cell
from noisegrid.training.replicate import run_of

RECIPES = {
    "shared-digits": {"like": "smallcnn-digits", "batch_size": 24},
    "three-digits": {"like": "shared-digits", "world_size": 3, "bucket_mb": 0.5},
    "odd-digits": {"like": "smallcnn-digits", "batch_size": 25},
}


def resolved(folder: Path, *blocks: dict, **changes: dict) -> tuple[Cell, ...]:
    tasks = RECIPES | {"changed-digits": {"like": "shared-digits"} | changes}
    return load_study(str(write_study(folder, study(*blocks, tasks=tasks)))).cells


@pytest.mark.parametrize(
    ("batch_size", "accumulate", "expected"),
    [(24, 1, (1, 2, 3, 4)), (128, 1, (1, 2, 4)), (24, 4, (1, 2, 3)), (25, 1, (1,)), (9, 3, (1, 3))],
)
def test_worlds_divide_the_batch_and_its_parts(tmp_path, batch_size, accumulate, expected):
    (cell,) = resolved(
        tmp_path,
        cells("changed-digits", "control"),
        batch_size=batch_size,
        accumulate=accumulate,
    )
    task = Task.of(cell.settings["task"])
    assert worlds(task) == expected
    hardware = Hardware.of(cell.settings["hardware"])
    assert bool(why_missing("world_size", task, hardware)) == (expected == (1,))


def test_a_recipe_without_processes_has_no_switch(tmp_path):
    (cell,) = resolved(tmp_path, cells("shared-digits", "control"))
    assert not {"world_size", "bucket_mb"} & run_of(cell, 0).flags.keys() and run_of(cell, 0).cores == 1
    (one,) = resolved(tmp_path, cells("changed-digits", "control"), world_size=1)
    assert run_of(one, 0).flags == run_of(cell, 0).flags and run_of(one, 0).seeds == run_of(cell, 0).seeds


def test_a_recipe_states_its_world_and_bucket(tmp_path):
    (cell,) = resolved(tmp_path, cells("three-digits", "control"))
    run = run_of(cell, 1)
    assert (run.flags["world_size"], run.flags["bucket_mb"], run.cores) == (3, 0.5, 3)


@pytest.mark.parametrize(
    ("task", "source", "values"),
    [("shared-digits", "world_size", (1, 2, 3, 4)), ("three-digits", "bucket_mb", BUCKETS_MB)],
)
@pytest.mark.parametrize("seed_sets", [1, 4, 5])
def test_every_seed_set_draws_every_value(tmp_path, task, source, values, seed_sets):
    (cell,) = resolved(tmp_path, cells(task, source, replicates=4 * seed_sets, seed_sets=seed_sets))
    runs = [run_of(cell, number) for number in range(cell.replicates)]
    for chosen in range(seed_sets):
        found = [run.flags[source] for run in runs[chosen::seed_sets]]
        assert sorted(found) == sorted(values)
        assert len({run.seeds["init"] for run in runs[chosen::seed_sets]}) == 1  # and all else is held
    assert len({run.seeds[source] for run in runs}) == cell.replicates


def test_a_level_of_a_crossed_cell_is_one_world(tmp_path):
    block = {"hardware": ["cpu"], "tasks": ["shared-digits"], "crossed": {"order": 2, "world_size": 3}}
    (cell,) = resolved(tmp_path, block)
    found = [run_of(cell, number).flags["world_size"] for number in range(6)]
    assert found[:3] == found[3:] and len(set(found)) == 3


def test_another_root_seed_draws_in_another_order(tmp_path):
    (cell,) = resolved(tmp_path, cells("shared-digits", "world_size"))
    task = Task.of(cell.settings["task"])
    orders = {
        tuple(derive_switches(task, root, "t", "world_size", number)["world_size"] for number in range(4))
        for root in range(20)
    }
    assert len(orders) > 5


WRONG = {
    "a batch": (
        {"world_size": 5},
        cells("changed-digits", "control"),
        r"tasks.changed-digits.world_size: a batch of 24 cannot be divided among 5 processes; choose a world_size that",
    ),
    "parts": (
        {"world_size": 4, "accumulate": 4},
        cells("changed-digits", "control"),
        r"a batch of 24 cannot be divided among 4 processes, each of which has 4 parts \(accumulate\)",
    ),
    "no world": ({"world_size": 0}, cells("changed-digits", "control"), "0 is less than the minimum of 1"),
    "a GPU": (
        {"world_size": 4},
        cells("changed-digits", "control", hardware="v100"),
        r"changed-digits trains with 4 processes, but v100 gives a job one GPU, and ranks on several GPUs \(NCCL\)",
    ),
    "a TPU": (
        {"world_size": 2},
        cells("changed-digits", "control", hardware="tpu_v2_8"),
        r"trains with 2 processes, but ranks through XLA \(tpu_v2_8\) are not implemented; use a cpu",
    ),
    "a source on a GPU": (
        {},
        cells("shared-digits", "world_size", hardware="v100"),
        "runs on a device on which several processes per replicate are not implemented, so noise 'world_size'",
    ),
    "a source without worlds": (
        {},
        cells("odd-digits", "world_size"),
        "odd-digits has a batch of 25, which 2, 3 or 4 processes cannot share equally, so noise 'world_size' would",
    ),
    "buckets of two": (
        {"world_size": 2},
        cells("changed-digits", "bucket_mb"),
        r"task changed-digits has fewer than three processes \(world_size\), whose sums do not depend on the bucket",
    ),
    "too many levels": (
        {},
        {"hardware": ["cpu"], "tasks": ["shared-digits"], "crossed": {"order": 2, "world_size": 5}},
        "world_size has 5 levels, but there are only 4 values \\(1, 2, 3, 4\\); write fewer",
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_one_sentence_before_training(tmp_path, mistake):
    changes, block, words = WRONG[mistake]
    with pytest.raises(NoisegridError, match=words) as found:
        resolved(tmp_path, block, **changes)
    assert "\n" not in str(found.value)


# --- cores ---


def test_a_job_asks_for_the_cores_of_all_processes(tmp_path):
    tasks = RECIPES | {"six-digits": {"like": "shared-digits", "world_size": 6}}
    blocks = [cells("six-digits", "control"), cells("shared-digits", "control"), cells("shared-digits", "world_size")]

    def threads(document: dict, chunk: str) -> int:
        path = str(write_study(tmp_path, document))
        config = {"study": path, "results": str(tmp_path), "datasets": "datasets", "threads_per_job": 2}
        return Jobs(plan.make(config)).threads(16)(SimpleNamespace(hardware="cpu", chunk=chunk))

    both = study(*blocks, tasks=tasks)
    assert threads(both, "six-digits/0-1") == 6
    assert threads(both, "shared-digits/0-1") == 4  # the largest world that is drawn
    assert threads(study(blocks[1], tasks=tasks), "shared-digits/0-1") == 2


def test_most_cores_count_the_threads_of_each_process(tmp_path):
    (cell,) = resolved(tmp_path, cells("three-digits", "control"))
    settings = cell.settings | {"hardware": {"kernels": {"held": {"threads": 2}}}}
    assert most_cores(settings) == 6 and most_cores(cell.settings) == 3
    kernels = {"held": {"threads": 1}, "free": {"threads": [1, 2]}}
    free = settings | {"hardware": {"kernels": kernels}, "free": ["impl"]}
    assert most_cores(free) == 6 and most_cores(free | {"free": []}) == 3


# --- packages ---


def test_a_record_of_another_world_is_impossible(tmp_path):
    found = resolved(tmp_path, cells("three-digits", "control", "bucket_mb"), cells("shared-digits", "world_size"))
    for cell in found:
        possible.check_design(cell.settings, cell.path)
        hardware, task = Hardware.of(cell.settings["hardware"]), Task.of(cell.settings["task"])
        for number in range(cell.replicates):
            flags = run_of(cell, number).flags

            def wrong(flags: dict, cell=cell, hardware=hardware, task=task) -> list[str]:
                return list(possible.wrong_flags(flags, hardware, cell.free, possible.process_choices(task, cell.free)))

            assert wrong(flags) == []
            assert "has the flag world_size 7" in wrong(flags | {"world_size": 7})[0]
            assert "flags that no plan gives" in wrong({key: flags[key] for key in flags.keys() - {"world_size"}})[0]


def test_a_design_with_an_impossible_world_is_refused(tmp_path):
    (cell,) = resolved(tmp_path, cells("three-digits", "control"))
    for world, batch_size, words in ((5, 24, "cannot be divided among 5"), (4096, 4096, "no plan has more than 1,024")):
        task = cell.settings["task"] | {"world_size": world, "batch_size": batch_size}
        with pytest.raises(NoisegridError, match=words):
            possible.check_design(cell.settings | {"task": task}, "a cell")
