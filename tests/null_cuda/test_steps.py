"""What a training step asks of CUDA, on a machine with a CUDA runtime and no GPU."""

import pytest
from null_machine import NullMachine

MACHINE = NullMachine()
MOST_LAUNCHES = {"smallcnn-cifar10": 49, "resnet18-cifar10": 183}


@pytest.mark.parametrize("task", MOST_LAUNCHES)
def test_a_step_on_resident_data_waits_for_nothing_and_launches_few_kernels(task: str) -> None:
    found = MACHINE.counts(task)
    assert found["launches"] <= MOST_LAUNCHES[task]
    assert found["launches"] > 10
    assert (found["syncs"], found["h2d"], found["d2h"]) == (0, 0, 0)
