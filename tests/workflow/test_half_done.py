"""A study of which a part is trained: what may be added and edited before the rest is trained, and what may not."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import clone, hashes, snakemake

pytestmark = pytest.mark.slow

CHUNK = "results/tiny/chunks/cpu/0-3.json"
ADDED_NETWORK = """

def one_layer(classes: int, channels: int, size: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, classes))
"""
ADDED_ENTRY = """
one_layer: {title: one layer, build: "noisegrid.networks.paper:one_layer", options: {}}
"""
ADDED_TASK = """
linear-digits:
  like: smallcnn-digits
  network: one_layer
  network_options: {}
"""
ADDED_HARDWARE = """
cpu_twin:
  title: CPU, once more
  device: cpu
  precision: fp32
  memory_format: channels_last
  stack: torch2.12-cu130
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return clone(tmp_path_factory.mktemp("tree"))


@pytest.fixture
def half_done(copy_of_finished) -> Path:
    """The tiny study without one replicate, and without the file that lists it."""
    shutil.rmtree(copy_of_finished / "results/tiny/replicates/cpu/tiny-digits/algo/1")
    (copy_of_finished / CHUNK).unlink()
    return copy_of_finished


def edited(path: Path, old: str, new: str) -> str:
    """Edit a file, and return what it was."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else text + new)
    return text


def test_a_new_network_task_and_hardware_change_no_existing_cell(tree, half_done, finished):
    """Another network is edited too: ResNet-18, which the study does not train."""
    networks = tree / "workflow/noisegrid/networks/paper.py"
    edited(networks, "", ADDED_NETWORK)
    edited(networks, "class BasicBlock(nn.Module):", "class BasicBlock(nn.Module):\n    extra = 1\n")
    edited(tree / "workflow/catalog/networks.yaml", "", ADDED_ENTRY)
    edited(tree / "workflow/catalog/tasks.yaml", "", ADDED_TASK)
    edited(tree / "workflow/catalog/hardware.yaml", "", ADDED_HARDWARE)
    done = snakemake(half_done, CHUNK, root=tree)
    assert done.returncode == 0, done.stdout
    log = (half_done / "results/tiny/logs/chunks/cpu/0-3.log").read_text()
    assert re.findall(r"replicate (\d) of (\S+):", log) == [("1", "cpu/tiny-digits/algo")]
    assert hashes(half_done, "tiny") == hashes(finished, "tiny")


@pytest.mark.parametrize(
    ("module", "old", "new", "message"),
    [
        (
            "networks/paper",
            "nn.Linear(32, classes)",
            "nn.Linear(32, classes, bias=True)",
            "other code of its network (networks/)",
        ),
        ("training/loader", "", "MORE = 1\n", "other training code (study/seeds.py or training/)"),
    ],
)
def test_an_edit_of_its_own_code_is_named_and_refused_before_any_work(tree, half_done, module, old, new, message):
    path = tree / f"workflow/noisegrid/{module}.py"
    before = edited(path, old, new)
    try:
        done = snakemake(half_done, CHUNK, root=tree)
    finally:
        path.write_text(before)
    assert done.returncode == 1
    assert re.search(rf"cpu/tiny-digits/algo/0 was trained with {re.escape(message)} \([0-9a-f]+; now", done.stdout), (
        done.stdout
    )
    assert "Traceback" not in done.stdout
    assert not (half_done / "results/tiny/replicates/cpu/tiny-digits/algo/1").exists()
