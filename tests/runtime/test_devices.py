"""Claiming GPUs. There is none here, so NVML is a stand-in that names two; locks and processes are real."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fake_pynvml
import pytest
from conftest import ROOT

from noisegrid.common.errors import NoisegridError
from noisegrid.planning.site import Site, load_site
from noisegrid.runtime import devices, machine, refused_nodes
from noisegrid.runtime.hardware import entry

#: Claim a device, print which, and hold it until the test closes stdin.
HOLD = (
    "import os, sys; from noisegrid.runtime import devices\n"
    "with devices.claim('V100'):\n"
    "    print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); sys.stdin.read()\n"
)


@pytest.fixture
def fake_gpus(tmp_path: Path, monkeypatch) -> str:
    """Two V100s, whose UUIDs differ in every test so that locks do not meet."""
    tag = f"{os.getpid()}-{tmp_path.name}"
    (tmp_path / "pynvml.py").write_text("from fake_pynvml import *\n")
    fake_pynvml.use(monkeypatch, *({"uuid": f"GPU-{one}-{tag}", "name": "Tesla V100-SXM2-16GB"} for one in "ab"))
    monkeypatch.setenv("FAKE_FOLDER", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tag


def hold() -> subprocess.Popen[str]:
    folders = (os.environ["FAKE_FOLDER"], str(ROOT / "tests"), str(ROOT / "workflow"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    return subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_jobs_get_two_devices_and_a_third_waits(fake_gpus):
    first, second = hold(), hold()
    got = {first.stdout.readline().strip(), second.stdout.readline().strip()}
    assert got == {f"GPU-a-{fake_gpus}", f"GPU-b-{fake_gpus}"}
    third = hold()
    assert third.stderr.readline() == "all 2 devices are in use; waiting\n"
    first.communicate()
    assert third.stdout.readline().strip() in got
    third.communicate(), second.communicate()


def test_a_killed_job_leaves_no_stale_lock(fake_gpus):
    jobs = [hold(), hold()]
    taken = [job.stdout.readline().strip() for job in jobs]
    jobs[0].kill()
    jobs[0].communicate()
    successor = hold()
    assert successor.stdout.readline().strip() == taken[0]
    successor.communicate()
    jobs[1].kill()
    jobs[1].communicate()


def test_the_schedulers_choice_is_respected(fake_gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with devices.claim("V100") as uuid:
        assert uuid is None and os.environ["CUDA_VISIBLE_DEVICES"] == "3"


def test_the_schedulers_choice_is_known_by_its_uuid(fake_gpus, monkeypatch):
    for value, uuid in [("1", f"GPU-b-{fake_gpus}"), ("GPU-x,GPU-y", "GPU-x"), ("7", None), ("", None)]:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert devices.chosen() == uuid


@pytest.mark.slow
def test_the_process_that_forks_never_asks_for_cuda(datasets, tmp_path):
    """A child of a process that has asked the CUDA runtime for devices cannot use any."""
    script = (
        "import os, sys, torch\n"
        "real, parent = torch._C._cuda_getDeviceCount, os.getpid()\n"
        "def count():\n"
        "    assert os.getpid() != parent, 'asked before the fork'\n"
        "    return real()\n"
        "torch._C._cuda_getDeviceCount = count\n"
        "from noisegrid.cli.main import main\n"
        "sys.exit(main())\n"
    )
    arguments = [
        "train",
        ROOT / "tests/inside.yaml",
        "--hardware",
        "cpu",
        "--replicates",
        "tiny-digits/0-0",
    ]
    arguments += ["--datasets", datasets, "--results", tmp_path, "--output", tmp_path / "chunk.json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow"), "PYTORCH_NVML_BASED_CUDA_CHECK": "0"}
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_another_model_is_refused(fake_gpus):
    with (
        pytest.raises(NoisegridError, match="requires GPU model H100, but this machine has Tesla V100"),
        devices.claim("H100"),
    ):
        pass
    with pytest.raises(NoisegridError, match="hardware h200 requires GPU model H200, but this machine has Tesla V100"):
        devices.check_present("h200", entry("h200"))
    devices.check_present("v100", entry("v100"))


def test_a_node_that_slurm_gave_wrongly_is_noted_for_the_next_attempt(fake_gpus, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("SLURMD_NODENAME", "node7")
    with refused_nodes.claimed("V100", tmp_path, "v100") as uuid:
        assert uuid is None  # SLURM has chosen
    assert refused_nodes.nodes(tmp_path, "h100") == []
    refused = pytest.raises(devices.WrongDevice, match="requires GPU model H100, but the scheduler assigned Tesla V100")
    with refused, refused_nodes.claimed("H100", tmp_path, "h100"):
        pass
    assert refused_nodes.nodes(tmp_path, "h100") == ["node7"] and refused_nodes.nodes(tmp_path, "v100") == []
    asked = load_site().resources("h100", attempt=2, refused=["node7", "node8"])
    assert asked["slurm_extra"] == "--exclude=node7,node8"


def test_a_wrong_device_outside_of_a_study_is_refused_and_noted_nowhere(fake_gpus, monkeypatch):
    monkeypatch.setenv("SLURMD_NODENAME", "node7")
    refused = pytest.raises(devices.WrongDevice, match="requires GPU model H100")
    with refused, refused_nodes.claimed("H100", None, "h100"):
        pass


def test_the_first_job_settles_the_model_for_all(fake_gpus, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURMD_NODENAME", "node8")
    v100 = entry("v100").gpu
    refused_nodes.settle(tmp_path, "v100", "Tesla V100-SXM2-32GB")
    refused_nodes.settle(tmp_path, "v100", "Tesla V100-SXM2-32GB")
    refused_nodes.settle(tmp_path, "v100", None)  # cannot be told
    message = "the first job of this study on v100 ran on Tesla V100-SXM2-32GB, but this device is Tesla V100-SXM2-16GB"
    with pytest.raises(devices.WrongDevice, match=message), refused_nodes.claimed(v100, tmp_path, "v100") as uuid:
        refused_nodes.settle(tmp_path, "v100", machine.model_here(v100, uuid))
    assert refused_nodes.nodes(tmp_path, "v100") == ["node8"]
    assert [path.name for path in (tmp_path / "devices").iterdir()] == ["v100"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert machine.model_here(v100, None) == "Tesla V100-SXM2-16GB"
    refused_nodes.settle(tmp_path, "h200", "NVIDIA H200")
    with pytest.raises(devices.WrongDevice, match="this device is NVIDIA H200 NVL"):
        refused_nodes.settle(tmp_path, "h200", "NVIDIA H200 NVL")


def test_a_node_with_another_processor_is_noted_too(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURMD_NODENAME", "node8")
    cpu = entry("cpu").gpu
    refused_nodes.settle(tmp_path, "cpu", "another processor")
    with pytest.raises(devices.WrongDevice), refused_nodes.claimed(cpu, tmp_path, "cpu") as uuid:
        assert uuid is None
        refused_nodes.settle(tmp_path, "cpu", machine.model_here(cpu, uuid))
    assert refused_nodes.nodes(tmp_path, "cpu") == ["node8"]


def test_a_lock_can_be_locked_by_every_user(tmp_path):
    before = os.umask(0o077)
    try:
        os.close(devices._open_for_all(tmp_path / "lock"))
    finally:
        os.umask(before)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o666
    os.close(devices._open_for_all(tmp_path / "lock"))


def test_a_partition_by_hardware_holds_for_every_stack_of_it():
    site = Site(load_site().settings | {"partition": {"h200": "gpu"}})
    assert site.resources("h200@torch2.12-cu130", attempt=1)["slurm_partition"] == "gpu"
    assert site.resources("cpu", attempt=1)["slurm_partition"] is None


def test_auto_is_what_the_machine_has(fake_gpus, monkeypatch):
    assert devices.catalog_name() == "v100"
    monkeypatch.delenv("FAKE_NVML")
    assert devices.catalog_name() == "cpu"


V100_16, V100_32, H100 = (
    {"uuid": f"GPU-{name[-4:]}", "name": name}
    for name in ("Tesla V100-SXM2-16GB", "Tesla V100-SXM2-32GB", "NVIDIA H100 80GB HBM3")
)


def test_auto_is_the_most_exact_entry_and_the_schedulers_choice(monkeypatch):
    fake_pynvml.use(monkeypatch, V100_32)
    assert devices.catalog_name() == "v100_32gb"  # v100 matches, too
    fake_pynvml.use(monkeypatch, V100_16, H100)
    with pytest.raises(NoisegridError, match="which matches h100 and v100 in"):
        devices.catalog_name()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert devices.catalog_name() == "h100"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-16")  # CUDA accepts the beginning of a UUID
    assert devices.catalog_name() == "v100"


MIG = "NVIDIA A100-SXM4-40GB MIG 1g.5gb"


def test_a_slice_can_be_named_and_claimed_and_is_not_the_card(tmp_path, monkeypatch):
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    card = {"uuid": "GPU-1", "name": "NVIDIA A100-SXM4-40GB", "slices": [{"uuid": "MIG-7", "name": MIG}]}
    fake_pynvml.use(monkeypatch, card)
    assert devices.gpus() == {"MIG-7": MIG}
    entry_of_slice = replace(entry("a100"), gpu="A100-SXM4-40GB MIG 1g.5gb", memory_gb=5)
    devices.check_present("a100_1g", entry_of_slice)
    with devices.claim(entry_of_slice.gpu) as uuid:
        assert uuid == os.environ["CUDA_VISIBLE_DEVICES"] == "MIG-7"
        assert machine._uuid("0a1b") == "MIG-7"
    with pytest.raises(devices.WrongDevice, match=r"requires GPU model A100, but this machine has .* MIG 1g.5gb"):
        devices.claim("A100").__enter__()
    with pytest.raises(NoisegridError, match=r"requires GPU model A100, but this machine has .* MIG 1g.5gb"):
        devices.check_present("a100", entry("a100"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # of a card in slices, CUDA uses the first
    assert devices.chosen() == "MIG-7"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-1")
    assert machine._uuid("0a1b") == "GPU-0a1b" and machine._uuid("MIG-3") == "MIG-3"


@pytest.mark.parametrize(
    ("name", "model", "same"),
    [
        ("NVIDIA L4", "L4", True),
        ("NVIDIA L40S", "L4", False),
        ("NVIDIA H100 80GB HBM3", "H100", True),
        ("NVIDIA H200", "H100", False),
        ("Quadro RTX 5000", "Quadro RTX 5000", True),
        ("NVIDIA RTX 5000 Ada Generation", "Quadro RTX 5000", False),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "A100", False),  # a slice is another model
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb+me", "A100-SXM4-40GB MIG 1g.5gb", False),
        ("NVIDIA A100-SXM4-40GB", "A100", True),
        ("Tesla T4", "T4", True),
    ],
)
def test_models_are_told_apart(name, model, same):
    assert devices.is_model(name, model) is same


def test_a_processor_without_what_the_hardware_needs_is_named(monkeypatch):
    needs = entry("cpu_bf16")
    have = frozenset(needs.cpu_features)
    monkeypatch.setattr(devices, "processor_features", lambda: have)
    devices.check_present("cpu_bf16", needs)
    monkeypatch.setattr(devices, "processor_features", lambda: have - {"avx512_bf16"})
    with pytest.raises(devices.WrongDevice, match=r"cpu_bf16 requires a processor with avx512_bf16 .*hardware `cpu`"):
        devices.check_present("cpu_bf16", needs)
    devices.check_present("cpu", entry("cpu"))  # any processor will do
