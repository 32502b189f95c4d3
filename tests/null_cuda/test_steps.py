"""What a training step asks of CUDA, on a machine with a CUDA runtime and no GPU."""

import shutil
from pathlib import Path

import pytest
from null_machine import HERE, NullMachine

PACKAGE = HERE.parents[1] / "workflow"
MACHINE = NullMachine()
MOST_LAUNCHES = {"smallcnn-cifar10": 49, "resnet18-cifar10": 183}


def mutated(folder: Path, module: str, old: str, new: str) -> Path:
    """Copy the package with one text of a module replaced, and return the folder that has it."""
    shutil.copytree(PACKAGE, folder / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "workflow/noisegrid" / module
    text = path.read_text()
    assert text.count(old) == 1, f"{module} has no such text any more: {old}"
    path.write_text(text.replace(old, new))
    return folder / "workflow"


@pytest.mark.parametrize("task", MOST_LAUNCHES)
def test_a_step_on_resident_data_waits_for_nothing_and_launches_few_kernels(task: str) -> None:
    found = MACHINE.counts(task)
    assert found["launches"] <= MOST_LAUNCHES[task]
    assert found["launches"] > 10
    assert (found["syncs"], found["h2d"], found["d2h"]) == (0, 0, 0)


def test_an_item_in_every_step_is_seen_as_a_synchronisation(tmp_path: Path) -> None:
    old = "        self.step += 1\n"
    package = mutated(tmp_path, "training/train.py", old, f"        self.losses[-1].item()\n{old}")
    found = MACHINE.counts("smallcnn-cifar10", package=package)
    assert found["syncs"] >= 1
    assert found["d2h"] >= 1


def test_a_tensor_on_the_wrong_device_is_refused(tmp_path: Path) -> None:
    old = "torch.from_numpy(np.array(labels)).to(device)"
    package = mutated(tmp_path, "training/loader.py", old, "torch.from_numpy(np.array(labels))")
    done = MACHINE.run(HERE / "count_steps.py", "smallcnn-cifar10", "h100", package=package)
    assert done.returncode == 1
    assert "RuntimeError" in done.stdout
    assert "cpu" in done.stdout
