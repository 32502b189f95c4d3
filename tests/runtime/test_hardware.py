"""Which kernels run on which GPU."""

import pytest

from noisegrid.runtime.hardware import has_kernels, stacks_for


@pytest.mark.parametrize(
    ("arch", "capability", "runs"),
    [
        (["sm_80", "sm_90"], "8.0", True),
        (["sm_80", "sm_90"], "8.6", True),  # a later step of the same generation
        (["sm_86"], "8.0", False),  # an earlier step
        (["sm_80", "sm_90"], "7.5", False),
        (["sm_80"], "9.0", False),  # another generation
        (["sm_100", "sm_120"], "12.0", True),
        (["sm_100"], "10.3", True),
        (["sm_90a"], "9.0", True),
        (["sm_80", "compute_80"], "12.0", True),  # PTX is compiled for any later device
        (["compute_90"], "8.0", False),
        ([], "9.0", False),
    ],
)
def test_kernels_run_on_later_steps_of_their_generation(arch, capability, runs):
    assert has_kernels(arch, capability) is runs


def test_a_stack_is_found_for_every_card_of_the_paper():
    assert stacks_for("7.0") == stacks_for("6.0") == ["torch2.7-cu126"]
    assert stacks_for("7.5") == ["torch2.7-cu126", "torch2.12-cu130", "torch2.14-cu130"]
    assert stacks_for("3.7") == []
