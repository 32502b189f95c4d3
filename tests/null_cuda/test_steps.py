"""What a training step asks of CUDA, on a machine with a CUDA runtime and no GPU."""

import pytest
from null_machine import HERE, NullMachine, mutated

from noisegrid.study.recipes import resolve_tasks

MACHINE = NullMachine()
TASKS = resolve_tasks({}, "catalog")
#: Upper bounds on the launches of a step in fp32. Nothing may be added to a step without a reason.
MOST_LAUNCHES = {"smallcnn-cifar10": 49, "resnet18-cifar10": 163, "resnet50-imagenet": 451}


@pytest.fixture(scope="module")
def counted() -> dict[str, dict[str, float]]:
    """What a step of each task does in fp32, with data on the device where they fit."""
    return MACHINE.counts(*TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_the_catalogs_launches_are_those_counted(counted, task) -> None:
    assert counted[task]["launches"] == pytest.approx(TASKS[task]["launches_per_step"]["fp32"], rel=0.05)


@pytest.mark.parametrize("task", MOST_LAUNCHES)
def test_a_step_launches_few_kernels(counted, task) -> None:
    assert 10 < counted[task]["launches"] <= MOST_LAUNCHES[task]


@pytest.mark.parametrize("task", TASKS)
def test_a_step_on_resident_data_waits_for_nothing_and_copies_nothing(counted, task) -> None:
    assert [counted[task][name] for name in ("waits", "h2d", "d2h")] == [0, 0, 0]


@pytest.mark.parametrize("task", TASKS)
def test_the_catalogs_memory_is_a_lower_bound(counted, task) -> None:
    assert counted[task]["peak_gb"] >= TASKS[task]["memory_gb"]


@pytest.mark.parametrize(("hardware", "precision"), [("h200_amp", "amp_bf16"), ("rtx5000_amp@here", "amp_fp16")])
def test_mixed_precision_waits_for_nothing_and_launches_what_the_catalog_says(hardware, precision) -> None:
    for task, found in MACHINE.counts("smallcnn-cifar10", "resnet18-cifar10", hardware=hardware).items():
        assert found["launches"] == pytest.approx(TASKS[task]["launches_per_step"][precision], rel=0.05)
        assert [found[name] for name in ("waits", "h2d", "d2h")] == [0, 0, 0]


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
