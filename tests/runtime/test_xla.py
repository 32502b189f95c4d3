"""What is known about XLA without XLA: a TPU is looked for, variables are refused, and studies say what they ask for.

Training through XLA is tested in tests/training/test_through_xla.py.
"""

import importlib.util
import itertools
from pathlib import Path

import pytest
from conftest import noisegrid
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.crate import possible
from noisegrid.planning.site import load_site
from noisegrid.runtime import devices, machine, refused_nodes, xla
from noisegrid.runtime.hardware import entry, gpus_per_job
from noisegrid.study import check
from noisegrid.study.missing import why_missing
from noisegrid.study.resolve import hardware_settings, load_study
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import FREE, NOISES
from noisegrid.training import noise

TPU, CPU = (Hardware.of(hardware_settings(name, "")) for name in ("tpu_v2_8", "xla_cpu"))
ALL = frozenset(itertools.chain(*noise.CPU_REQUIREMENTS.values()))


def pci(folder: Path, vendor: str, device: str) -> Path:
    """A list of PCI devices as Linux shows it, with one device."""
    place = folder / "0000:00:04.0"
    place.mkdir(parents=True)
    (place / "vendor").write_text(f"{vendor}\n")
    (place / "device").write_text(f"{device}\n")
    return folder


@pytest.mark.parametrize(
    ("vendor", "device", "found"),
    [
        ("0x1ae0", "0x0027", True),  # a TPU v2 or v3
        ("0x1ae0", "0x0042", False),  # Google's network card, which every one of its machines has
        ("0x10de", "0x0027", False),
    ],
)
def test_a_tpu_is_told_from_other_devices(tmp_path, vendor, device, found):
    assert xla.has_tpu(pci(tmp_path / "pci", vendor, device)) is found


def test_a_machine_without_pci_has_no_tpu(tmp_path):
    assert not xla.has_tpu(tmp_path / "nowhere")
    (tmp_path / "gone").mkdir()
    assert not xla.has_tpu(tmp_path)


def test_a_machine_without_a_tpu_says_so_before_anything_starts(monkeypatch):
    monkeypatch.setattr(xla, "has_tpu", lambda: False)
    with pytest.raises(devices.WrongDevice, match="hardware tpu_v2_8 requires a TPU, but this machine has no TPU; run"):
        devices.check_present("tpu_v2_8", entry("tpu_v2_8"))
    devices.check_present("xla_cpu", entry("xla_cpu"))
    monkeypatch.setattr(xla, "has_tpu", lambda: True)
    devices.check_present("tpu_v2_8", entry("tpu_v2_8"))


def test_a_node_without_a_tpu_is_noted_and_avoided(tmp_path, monkeypatch):
    monkeypatch.setattr(xla, "has_tpu", lambda: False)
    monkeypatch.setenv("SLURMD_NODENAME", "n7")
    with pytest.raises(devices.WrongDevice, match="no TPU"), refused_nodes.claimed("", tmp_path, "tpu_v2_8"):
        pass
    assert refused_nodes.nodes(tmp_path, "tpu_v2_8") == ["n7"]


@pytest.mark.skipif(xla.has_tpu(), reason="this machine has a TPU")
def test_run_on_a_tpu_here_is_one_sentence(tmp_path):
    path = write_study(tmp_path, study(cells("smallcnn-digits", hardware="tpu_v2_8@here")))
    done = noisegrid("run", path, "--", "--cores", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert "noisegrid: hardware tpu_v2_8@here requires a TPU, but this machine has no TPU; run it on" in done.stdout
    assert "hardware tpu_v2_8@here: runs through PyTorch/XLA; never run on a TPU" in done.stdout
    assert "Traceback" not in done.stdout and not (tmp_path / "resources").exists()


def test_commands_say_what_is_noted_about_the_hardware(tmp_path):
    path = write_study(tmp_path, study(cells("resnet18-cifar100", hardware="tpu_v2_8")))
    words = "note: hardware tpu_v2_8: runs through PyTorch/XLA; never run on a TPU"
    for command in ("check", "plan"):
        done = noisegrid(command, path, cwd=tmp_path)
        assert done.returncode == 0 and words in done.stdout.splitlines(), done.stdout
    assert check.remarks(load_study("quick")) == []


def test_an_environment_without_torch_xla_is_refused(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NoisegridError, match=r"this environment has no torch_xla; .*make STACK=torch2\.9-xla"):
        machine.check_environment("here", "xla")
    machine.check_environment("here", "cpu")


def test_another_torch_xla_than_that_of_the_stack_is_refused(monkeypatch):
    monkeypatch.setattr(machine.torch, "__version__", "2.9.1+cu128")
    monkeypatch.setattr(machine, "packages", lambda: {"torch-xla": "2.9.0"})
    machine.check_stack("torch2.9-xla")
    monkeypatch.setattr(machine, "packages", lambda: {"torch-xla": "2.8.1"})
    with pytest.raises(NoisegridError, match=r"torch2\.9-xla \(torch_xla 2\.9\.0\), but .* has torch_xla 2\.8\.1"):
        machine.check_stack("torch2.9-xla")


@pytest.mark.parametrize(
    ("variable", "refused"),
    [
        ("XLA_FLAGS", True),
        ("LIBTPU_INIT_ARGS", True),
        ("XLA_USE_BF16", True),
        ("XLA_DOWNCAST_BF16", True),
        ("XLA_RNG_BIT_GENERATOR", True),
        ("XLA_PERSISTENT_CACHE_PATH", False),
        ("XLA_HLO_DEBUG", False),
        ("PJRT_DEVICE", False),  # is set by `start`
    ],
)
def test_variables_that_change_the_arithmetic_are_refused(monkeypatch, variable, refused):
    for name in [name for name in xla.os.environ if xla.REFUSED.fullmatch(name)]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(xla, "check_installed", lambda: None)
    xla.check()
    monkeypatch.setenv(variable, "1")
    if not refused:
        xla.check()
        return
    with pytest.raises(NoisegridError, match=f"sets {variable}, which changes what XLA computes.*unset {variable}"):
        xla.check()


def test_a_tpu_asks_slurm_for_no_gpu():
    assert gpus_per_job("tpu_v2_8") == gpus_per_job("xla_cpu") == 0
    wanted = load_site().resources("tpu_v2_8", attempt=1)
    assert (wanted["gpu"], wanted["gpu_model"], wanted["constraint"]) == (0, None, None)


def test_no_network_is_timed_through_xla(tmp_path):
    timed = [{"hardware": ["xla_cpu"], "networks": ["smallcnn"]}]
    path = write_study(tmp_path, study(cells(), overhead=timed))
    with pytest.raises(
        NoisegridError, match=r"overhead\[0\]: xla_cpu runs through XLA, which has none of the switches"
    ):
        load_study(str(path))
    assert len(check.mistakes(str(path))) == 1


# --- the sources ---


def test_the_sources_that_exist_through_xla():
    task = Task.of(load_study("quick").cells[0].settings["task"])
    missing = {name for name in NOISES if why_missing(name, task, CPU)}
    of_cuda = {"autotune", "cudnn_deterministic", "atomics"}
    # this task has no dropout
    assert missing == {"dropout", "world_size", "bucket_mb", "sdpa_backend", "compile"} | of_cuda
    assert {name for name in NOISES if why_missing(name, task, TPU)} == missing | {"impl"}


def test_a_noise_without_a_switch_is_refused_with_one_sentence(tmp_path):
    path = write_study(tmp_path, study(cells("resnet18-cifar100", "impl", hardware="tpu_v2_8")))
    sentence = (
        "task resnet18-cifar100 runs through XLA on a device that has no switch for its kernels, so noise 'impl' would "
        "measure nothing; remove it"
    )
    with pytest.raises(NoisegridError, match=sentence):
        load_study(str(path))


def test_impl_on_a_cpu_is_the_instruction_set_and_the_size_of_the_pool(monkeypatch):
    monkeypatch.setattr(noise, "processor_features", lambda: ALL)
    free = [noise.derive_flags(CPU, 1, "t", "impl", number) for number in range(9)]
    sets, threads = ("SSE4_2", "AVX2", "AVX512"), (1, 2, 4)
    assert {(flags["xla"], flags["threads"]) for flags in free} == {(one, count) for one in sets for count in threads}
    held = noise.held_flags(CPU)
    assert (held["xla"], held["threads"], held["deterministic"]) == ("AVX2", 1, True)
    assert not {"aten", "onednn", "mkl", "cudnn_benchmark"} & held.keys()
    monkeypatch.setattr(noise, "processor_features", lambda: frozenset({"sse4_2"}))
    assert noise.held_flags(CPU)["xla"] == ""  # the processor's own set; XLA would not say that AVX2 has no effect
    assert {noise.derive_flags(CPU, 1, "t", "impl", number)["xla"] for number in range(9)} == {"SSE4_2"}


def test_a_tpu_has_the_same_switches_in_every_cell():
    flags = {str(noise.derive_flags(TPU, 1, "t", name, number)) for name in FREE for number in range(3)}
    assert len(flags) == 1
    assert noise.held_flags(TPU)["precision"] == "amp_bf16"


def test_other_hardware_has_the_settings_that_it_had():
    """A key more would make another cell of every cell."""
    for name in catalog("hardware"):
        assert ("pjrt" in hardware_settings(name, "")) == (name in ("tpu_v2_8", "xla_cpu"))


@pytest.mark.parametrize(
    "forged",
    [
        {"pjrt": "GPU"},
        {"pjrt": "TPU"},  # with kernels
        {"kernels": {}},
        {"device": "cpu"},
        {"device": "cuda"},
    ],
)
def test_settings_that_no_plan_gives_are_refused(tmp_path, forged):
    (cell,) = load_study(
        str(write_study(tmp_path, study(cells("smallcnn-digits", "control", hardware="xla_cpu"))))
    ).cells[:1]
    possible.check_design(cell.settings, "cell")
    hardware = {key: value for key, value in (cell.settings["hardware"] | forged).items() if value != {}}
    with pytest.raises(NoisegridError, match=r"^cell: hardware"):
        possible.check_design(cell.settings | {"hardware": hardware}, "cell")
