"""What cannot be trained on is refused in one sentence before training, on machines with a CUDA runtime and no GPU."""

import json

import pytest
from null_machine import HERE, NullMachine
from small_study import H100, train

V100 = NullMachine("Tesla V100-SXM2-16GB", 16, capability="7.0")
REMEDY = "use the stack torch2.7-cu126, in its image (--sdm apptainer), or in an environment of it"
#: Machines, the GPU model that a cell requires, and what is said.
ASKED = {
    "as required": (H100, "H100", "usable"),
    "kernels of another step": (NullMachine("NVIDIA L4", 24, capability="8.9"), "L4", "usable"),
    "V100": (V100, "V100", f"for Tesla V100-SXM2-16GB (compute capability 7.0); {REMEDY}"),
    "P100": (NullMachine("Tesla P100-SXM2-16GB", 16, capability="6.0"), "P100", REMEDY),
    "no kernels anywhere": (NullMachine("Tesla K80", 12, capability="3.7"), "K80", "no stack of the catalog has"),
    "another model": (NullMachine("NVIDIA H200", 141), "H100", "but the job runs on NVIDIA H200"),
    "slice": (NullMachine(mig="3g.40gb"), "H100", "but the job runs on NVIDIA H100 80GB HBM3 MIG 3g.40gb"),
    "slice as required": (NullMachine(mig="3g.40gb"), "H100 80GB HBM3 MIG 3g.40gb", "usable"),
    "no device": (NullMachine(devices=0), "H100", "PyTorch sees no GPU: the driver is 580.95.05; check it with"),
    "old driver": (NullMachine(driver="535.104.05"), "H100", "the driver is 535.104.05, and CUDA 13.0 needs at least"),
}  # fmt: skip


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    """What is said about each machine; one process asks for all."""
    asked = json.dumps([(model, machine.variables) for machine, model, _ in ASKED.values()])
    done = H100.run(HERE / "check_devices.py", asked, PYTORCH_NVML_BASED_CUDA_CHECK="1")
    return dict(zip(ASKED, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("machine", ASKED)
def test_a_gpu_is_used_or_refused_in_one_sentence(said, machine) -> None:
    assert ASKED[machine][2] in said[machine]


def refused(folder, datasets, machine, hardware, **more: str) -> str:
    """Train the small study, which must be refused before anything is written; return what was printed last."""
    done = train(folder, datasets, machine, hardware, **more)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    assert "failed" not in done.stdout  # the job is refused, not each of its replicates
    assert not list(folder.glob("results/**/replicates"))
    return done.stdout.splitlines()[-1]


def test_a_card_without_kernels_is_refused_before_training(tmp_path, datasets) -> None:
    assert REMEDY in refused(tmp_path, datasets, V100, "v100@here")


def test_another_card_is_refused_before_training(tmp_path, datasets) -> None:
    message = "this job requires GPU model H200, but this machine has NVIDIA H100 80GB HBM3"
    assert message in refused(tmp_path, datasets, H100, "h200")


def test_a_variable_that_changes_the_arithmetic_is_refused(tmp_path, datasets) -> None:
    assert "unset NVIDIA_TF32_OVERRIDE" in refused(tmp_path, datasets, H100, "h100", NVIDIA_TF32_OVERRIDE="1")
