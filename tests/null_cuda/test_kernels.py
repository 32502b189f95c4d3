"""Strict and free runs of the paper's networks launch the same kernels of PyTorch: they differ in cuDNN's choice."""

import json

import pytest
from null_machine import HERE, NullMachine

from noisegrid.study.choices import choices
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware

#: Tasks with the paper's networks, and their convolutions: each is computed in three directions, but the first in two.
PAPER = {"smallcnn-cifar10": 3, "smallcnn_bn-cifar10": 3, "resnet18-cifar10": 20, "resnet50-imagenet": 53}
#: A task whose network has operators with atomic additions.
PYRAMID = "pyramid-digits"


@pytest.fixture(scope="module")
def kernels(tmp_path_factory) -> dict[str, dict[str, dict[str, int]]]:
    """For each task and noise, how often a training step launches each kernel."""
    log = tmp_path_factory.mktemp("kernels") / "log"
    done = NullMachine().run(HERE / "list_kernels.py", "h100", "control,impl", *PAPER, PYRAMID, NULLCUDA_LOG=str(log))
    assert done.returncode == 0, done.stdout
    found: dict[str, dict[str, dict[str, int]]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("task", PAPER)
def test_strict_and_free_launch_the_same_kernels(kernels, task) -> None:
    strict, free = kernels[task]["control"], kernels[task]["impl"]
    assert strict == free
    assert strict["cudnn convolution"] == 3 * PAPER[task] - 1
    assert sum("at6native" in name for name in strict) > 10  # kernels of ATen, by their names


def test_a_network_with_atomic_additions_launches_other_kernels(kernels) -> None:
    strict, free = kernels[PYRAMID]["control"], kernels[PYRAMID]["impl"]
    assert any("indexFuncLargeIndex" in name for name in free.keys() - strict.keys())  # index_add with atomic additions
    assert any("UpSampleBilinear2d" in name for name in free.keys() - strict.keys())
    assert any("indexing_backward" in name for name in strict.keys() - free.keys())  # sorted first, then added


#: Words in the names of the kernels of each SDPA backend, forward and backward; `math` looks for rows without a value.
BACKENDS = {"flash": ("flash_fwd", "flash_bwd"), "efficient": ("fmha_cutlassF", "fmha_cutlassB"), "math": ("isneginf",)}


@pytest.mark.parametrize(
    ("hardware", "machine"),
    [
        ("h100", NullMachine()),
        ("h200_amp", NullMachine("NVIDIA H200", 141)),
        ("rtx5000_amp@here", NullMachine("Quadro RTX 5000", 10, capability="7.5")),
    ],
)
def test_every_sdpa_backend_that_a_card_is_said_to_have_runs_in_strict_mode(tmp_path, hardware, machine) -> None:
    backends = choices("sdpa_backend", Hardware.of(hardware_settings(hardware, "test")))
    noises = [f"sdpa_backend.{replicate}" for replicate in range(len(backends))]
    log = {"NULLCUDA_LOG": str(tmp_path / "log")}
    done = machine.run(HERE / "list_kernels.py", hardware, ",".join(noises), "vit_tiny-digits", **log)
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout.splitlines()[-1])["vit_tiny-digits"]
    for noise, backend in zip(noises, backends, strict=True):
        for other, words in BACKENDS.items():
            for word in words:
                calls = sum(count for name, count in found[noise].items() if word in name)
                assert bool(calls) == (other == backend), (backend, word, sorted(found[noise]))
