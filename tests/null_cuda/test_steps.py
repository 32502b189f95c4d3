"""What a training step asks of CUDA, on a machine with a CUDA runtime and no GPU."""

import pytest
from null_machine import HERE, NullMachine, mutated

from noisegrid.study.recipes import least_memory_gb, resolve_tasks

MACHINE = NullMachine()
TASKS = resolve_tasks({}, "catalog")
#: Upper bounds on the launches of a step in fp32. Nothing may be added to a step without a reason.
MOST_LAUNCHES = {"smallcnn-cifar10": 49, "resnet18-cifar10": 163, "resnet50-imagenet": 451}


#: A hardware entry for each precision.
PRECISIONS = {"fp32": "h100", "amp_fp16": "rtx5000_amp@here", "amp_bf16": "h200_amp"}
every_task_and_precision = pytest.mark.parametrize(
    ("task", "precision"), [(task, precision) for task in TASKS for precision in PRECISIONS]
)


@pytest.fixture(scope="module")
def counted() -> dict[str, dict[str, dict[str, float]]]:
    """For each precision, what a step of each task does with data on the device. Each has a process of its own."""
    found = MACHINE.counts_on(tuple(PRECISIONS.values()), *TASKS)
    return {precision: found[hardware] for precision, hardware in PRECISIONS.items()}


@every_task_and_precision
def test_the_catalogs_launches_are_those_counted(counted, task, precision) -> None:
    stated = TASKS[task]["launches_per_step"][precision]
    assert counted[precision][task]["launches"] == pytest.approx(stated, rel=0.05)


@pytest.mark.parametrize("task", MOST_LAUNCHES)
def test_a_step_launches_few_kernels(counted, task) -> None:
    assert 10 < counted["fp32"][task]["launches"] <= MOST_LAUNCHES[task]


@every_task_and_precision
def test_a_step_on_resident_data_waits_for_nothing_and_copies_nothing(counted, task, precision) -> None:
    assert [counted[precision][task][name] for name in ("waits", "h2d", "d2h")] == [0, 0, 0]


@every_task_and_precision
def test_the_catalogs_memory_is_a_lower_bound_and_a_near_one(counted, task, precision) -> None:
    stated, peak = least_memory_gb(TASKS[task], precision), counted[precision][task]["peak_gb"]
    assert stated <= peak
    if peak > 0.5:  # below, the workspaces of cuBLAS are a large part
        assert stated >= 0.85 * peak


def test_data_that_stay_in_memory_maps_are_copied_without_a_wait_of_the_training_thread() -> None:
    for found in MACHINE.counts("resnet50-imagenet", "resnet18-celeba", resident_bytes=0).values():
        assert (found["waits"], found["d2h"]) == (0, 0)
        assert found["h2d"] <= 1  # one copy per span, from a pinned buffer


def test_an_item_in_every_step_is_seen_as_a_wait(tmp_path) -> None:
    old = "        self.step += 1\n"
    package = mutated(tmp_path, "training/train.py", old, f"        self.losses[-1].item()\n{old}")
    found = MACHINE.counts("smallcnn-cifar10", package=package)["smallcnn-cifar10"]
    assert found["waits"] >= 1
    assert found["d2h"] >= 1


def test_waiting_for_a_copy_in_the_training_thread_is_seen(tmp_path) -> None:
    package = mutated(
        tmp_path, "training/prefetch.py", "            current.wait_event(copied)", "            copied.synchronize()"
    )
    found = MACHINE.counts("resnet50-imagenet", resident_bytes=0, package=package)["resnet50-imagenet"]
    assert found["waits"] >= 1


def test_a_tensor_on_the_wrong_device_is_refused(tmp_path) -> None:
    old = "torch.from_numpy(np.array(labels)).to(device)"
    package = mutated(tmp_path, "training/loader.py", old, "torch.from_numpy(np.array(labels))")
    done = MACHINE.run(HERE / "count_steps.py", "h100", 1 << 32, "smallcnn-cifar10", package=package)
    assert done.returncode == 1
    assert "RuntimeError" in done.stdout
    assert "cpu" in done.stdout
