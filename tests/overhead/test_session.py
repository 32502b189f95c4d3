"""Timing a network: processes, kernels and layers, remedies, refusals, repeatability with its control, short memory."""

import csv
import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import fake_pynvml
import pytest
import torch
from conftest import ROOT, noisegrid
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.networks.build import build
from noisegrid.networks.paper import medium_cnn
from noisegrid.overhead import kernels, session
from noisegrid.overhead.bench import AveragePoolByProducts, Rig
from noisegrid.overhead.conditions import Condition, CudaWatch, check_alone
from noisegrid.overhead.inputs import images
from noisegrid.overhead.kernels import profile
from noisegrid.overhead.processes import Timed, time_network
from noisegrid.overhead.session import Session, refused_operator
from noisegrid.runtime.hardware import entry
from noisegrid.study.arms import arms, timed_network
from noisegrid.study.study import TimedNetwork

CPU = entry("cpu")
COMMON = {"study": "", "hardware": "cpu", "device": "d", "uuid": "", "versions": "v", "note": ""}


@pytest.fixture(autouse=True)
def switches_put_back():
    """Arms set switches of the whole process; the next test gets PyTorch's defaults."""
    yield
    torch.use_deterministic_algorithms(False)


def network(build_reference: str, *names: str, **more: int) -> TimedNetwork:
    work = {"size": 8, "batch_size": 8, "blocks": 2, "steps": 1} | more
    return TimedNetwork("cpu", "net", build_reference, {}, tuple(names), **work)


def timed(build_reference: str, *names: str, process: int = 0, **more: int) -> Session:
    """The session of one process, run in this process."""
    found = Session(network(build_reference, *names, **more), CPU, COMMON, None, process)
    found.run()
    return found


def values(found: Session | Timed, arm: str, measure: str) -> list[float]:
    return [row["value"] for row in found.rows if (row["arm"], row["measure"]) == (arm, measure)]


def plain(classes: int, channels: int, size: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, classes)
    )


class UnseededNoise(nn.Module):
    def forward(self, x):
        return x + torch.randn(x.shape, generator=torch.Generator().manual_seed(int.from_bytes(os.urandom(4))))


def unrepeatable(classes: int, channels: int, size: int) -> nn.Module:
    return nn.Sequential(UnseededNoise(), plain(classes, channels, size))


class Put(nn.Module):
    """Tensor.put_ is refused by strict mode on every device, also on a CPU."""

    def forward(self, x):
        return x + torch.zeros(4).put_(torch.tensor([1]), torch.tensor([1.0])).sum()


def puts(classes: int, channels: int, size: int) -> nn.Module:
    return nn.Sequential(Put(), plain(classes, channels, size))


class Greedy(nn.Module):
    """Stands in for a device with memory for four images."""

    def forward(self, x):
        if len(x) > 4:
            raise torch.OutOfMemoryError("out of memory")
        return x


def greedy(classes: int, channels: int, size: int) -> nn.Module:
    return nn.Sequential(Greedy(), plain(classes, channels, size))


def test_arms_are_timed_in_turn_and_repeat(monkeypatch):
    found = timed("test_session:plain", "default", "deterministic", "channels_last", blocks=3)
    order = [(row["arm"], row["block"]) for row in found.rows if row["measure"] == "step"]
    assert [arm for arm, _ in order] == [
        "default", "deterministic", "channels_last",
        "deterministic", "channels_last", "default",
        "channels_last", "default", "deterministic",
    ]  # fmt: skip
    assert values(found, "deterministic", "repeatable") == [1.0]
    assert len(values(found, "default", "kernel_sum")) == 1


def test_every_process_warms_up_and_times_its_own_blocks(tmp_path):
    timing = network("test_session:plain", "default", "deterministic", "autotune", processes=3)
    found = time_network(timing, CPU, COMMON, tmp_path / "net.csv.partial")
    steps = [row for row in found.rows if row["measure"] == "step"]
    first = [[row["arm"] for row in steps if (row["process"], row["block"]) == (process, 0)] for process in range(3)]
    assert first == [["default", "deterministic"]] * 3  # two blocks in each process: the third is the first again
    assert [row["process"] for row in steps] == [0] * 4 + [1] * 4 + [2] * 4
    for measure in ("first_step", "kernel_sum"):
        assert len(values(found, "default", measure)) == 3
    assert len(values(found, "default", "repeatable")) == 1
    assert found.skipped == {"autotune": "only CUDA has this switch"}
    assert [row["process"] for row in found.rows if row["measure"] == "skipped"] == [0]
    with (tmp_path / "net.csv.partial").open() as file:
        assert len(list(csv.DictReader(file))) == len(found.rows)


def test_the_order_of_the_arms_rotates_on_from_process_to_process():
    found = timed("test_session:plain", "default", "deterministic", process=1, blocks=1)
    order = [row["arm"] for row in found.rows if row["measure"] == "step"]
    assert order == ["deterministic", "default"]


class ProcessId(nn.Module):
    def forward(self, x):
        raise RuntimeError(f"in process {os.getpid()}")


def in_its_process(classes: int, channels: int, size: int) -> nn.Module:
    return nn.Sequential(ProcessId(), plain(classes, channels, size))


def killed(classes: int, channels: int, size: int) -> nn.Module:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_the_network_runs_in_another_process_and_its_errors_are_told():
    with pytest.raises(NoisegridError, match=r"cpu/net: RuntimeError: in process (\d+)") as caught:
        time_network(network("test_session:in_its_process", "default"), CPU, COMMON, None)
    assert str(os.getpid()) not in str(caught.value)
    with pytest.raises(NoisegridError, match="cpu/net: process 0 ended with status -9"):
        time_network(network("test_session:killed", "default"), CPU, COMMON, None)


@pytest.mark.slow
def test_processes_that_are_started_anew_give_the_same_rows(monkeypatch):
    """CUDA cannot be used after a fork: there, each process is started anew. The way is the same on a CPU."""
    anew = multiprocessing.get_context("spawn")
    monkeypatch.setattr(multiprocessing, "get_context", lambda name: anew)
    found = time_network(network("test_session:plain", "default", processes=2), CPU, COMMON, None)
    assert [row["process"] for row in found.rows if row["measure"] == "step"] == [0, 0, 1, 1]


def test_kernels_are_listed_by_module_once_and_by_name_in_every_process():
    first, second = (timed("test_session:plain", "default", process=process) for process in (0, 1))
    assert values(first, "default", "kernel") and not values(second, "default", "kernel")
    for found in (first, second):
        total, by_name = (sum(values(found, "default", measure)) for measure in ("kernel_sum", "kernel_total"))
        assert by_name == pytest.approx(total)


def test_without_kernel_events_the_kernel_time_is_missing_and_not_zero(monkeypatch):
    """On CUDA without CUPTI, the profiler reports no kernels (a stand-in)."""
    monkeypatch.setattr(kernels, "profile", lambda *options: [])
    found = timed("test_session:plain", "default", "deterministic")
    assert not {row["measure"] for row in found.rows} & {"kernel", "kernel_total", "kernel_sum"}
    assert len(values(found, "default", "step")) == 2


def test_repeatability_is_verified_not_assumed():
    found = timed("test_session:unrepeatable", "default", "deterministic")
    assert values(found, "deterministic", "repeatable") == [0.0]
    assert values(found, "deterministic", "first_differing_step") == [1.0]


def test_an_arm_that_the_device_lacks_is_left_out_with_its_reason():
    found = timed("test_session:plain", "default", "autotune")
    assert found.skipped == {"autotune": "only CUDA has this switch"}


def test_a_refused_operator_is_named_and_the_other_arms_come_out():
    found = timed("test_session:puts", "default", "deterministic")
    assert found.skipped == {"deterministic": "put_ has no deterministic implementation"} and not found.remedied
    assert len(values(found, "default", "step")) == 2


def test_refusal_is_read_from_pytorchs_own_message():
    torch.use_deterministic_algorithms(True)
    with pytest.raises(RuntimeError) as caught:
        Put()(torch.zeros(1))
    assert refused_operator(caught.value) == "put_"
    assert refused_operator(RuntimeError("something else")) is None


def test_the_remedy_is_used_where_pooling_is_refused(monkeypatch):
    """On a CPU strict mode refuses no pooling; here it does, with the words that CUDA's kernel has (a stand-in)."""
    real = nn.AdaptiveAvgPool2d.forward

    def refusing(self, x):
        if torch.are_deterministic_algorithms_enabled():
            raise RuntimeError("adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, but")
        return real(self, x)

    monkeypatch.setattr(nn.AdaptiveAvgPool2d, "forward", refusing)
    found = timed("test_session:plain", "default", "deterministic")
    assert found.remedied["deterministic"].startswith(
        "adaptive_avg_pool2d_backward_cuda has no deterministic implementation; timed with adaptive"
    )
    notes = {row["note"] for row in found.rows if row["arm"] == "deterministic" and row["measure"] == "step"}
    assert all("two matrix products" in note for note in notes)
    assert len(values(found, "default", "step")) == len(values(found, "deterministic", "step")) == 2


@pytest.mark.parametrize(("shape", "output"), [((7, 7), 7), ((14, 9), (7, 3)), ((5, 8), (3, None)), ((4, 4), 7)])
def test_the_remedy_is_the_same_function(shape, output):
    pool = nn.AdaptiveAvgPool2d(output)
    x = torch.randn(2, 3, *shape, dtype=torch.float64, requires_grad=True)
    weight = torch.randn_like(pool(x))
    results = []
    for layer in (pool, AveragePoolByProducts(pool)):
        result = layer(x)
        (gradient,) = torch.autograd.grad((result * weight).sum(), x)
        results.append((result, gradient))
    torch.testing.assert_close(results[0], results[1], rtol=1e-6, atol=1e-6)


class Threads(nn.Module):
    """Notes on which thread each pass runs."""

    passes: ClassVar[set[tuple[str, str, bool]]] = set()

    def forward(self, x):
        self.note("forward")
        if x.requires_grad:
            x.register_hook(lambda gradient: self.note("backward"))
        return x

    def note(self, what: str) -> None:
        name = threading.current_thread().name.partition("_")[0]
        self.passes.add((what, name, torch.backends.cudnn.benchmark))


def on_threads(classes: int, channels: int, size: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3), Threads(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
    )


def test_an_autotuned_arm_shares_no_plans_with_others(monkeypatch):
    """cuDNN's plans are kept per thread, whether they were searched for or not: each kind of arm keeps to its own."""
    everywhere = {name: replace(arm, requires="") for name, arm in arms().items()}
    monkeypatch.setattr(session, "arms", lambda: everywhere)
    Threads.passes.clear()
    timed("test_session:on_threads", "default", "autotune", "deterministic", "autotune_deterministic", size=9)
    torch.backends.cudnn.benchmark = False
    assert Threads.passes == {
        (what, thread, benchmark)
        for what in ("forward", "backward")
        for thread, benchmark in (("MainThread", False), ("autotuned", True))
    }


def test_short_memory_halves_the_batch_and_says_so():
    found = time_network(network("test_session:greedy", "default", batch_size=16, processes=2), CPU, COMMON, None)
    assert found.timing.batch_size == 4
    assert {row["batch_size"] for row in found.rows} == {4}
    assert "batch halved from 8: out of memory" in found.rows[0]["note"]


def test_every_arm_starts_from_the_same_weights():
    rig = Rig(plain(1000, 3, 8), *images(4, 8), torch.device("cpu"))
    prints = []
    for name in ("default", "channels_last", "default"):
        rig.prepare(arms()[name])
        prints.append(rig.fingerprint(torch.zeros(1)))
        rig.step()
        assert rig.fingerprint(torch.zeros(1)) != prints[-1]
    assert prints[0] == prints[2]


def test_a_kernel_belongs_to_its_layer_forward_and_backward():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))
    rig = Rig(network, *images(4, 8), torch.device("cpu"))
    rig.labels %= 10
    rig.prepare(arms()["default"])
    found = {(k.name, k.direction): k.module for k in profile(rig.step, 2, network, torch.device("cpu"))}
    assert found["aten::convolution_backward", "backward"] == "0"
    assert found["aten::threshold_backward", "backward"] == "1"
    assert found["aten::addmm", "forward"] == "3"
    assert {found[key] for key in found if key[1] == "update"} == {"(optimizer)"}


@pytest.mark.parametrize("name", ["mediumcnn_k1", "mediumcnn_k7", "mediumcnn_d4", "mediumcnn_s2", "mediumcnn_g16"])
def test_every_medium_cnn_trains_on_large_and_small_images(name):
    entry = catalog("networks")[name]
    for size in (16, 224):
        network = build(entry["build"], classes=10, channels=3, size=size, **entry["options"])
        assert network(torch.zeros(2, 3, size, size)).shape == (2, 10)


def test_medium_cnn_has_the_papers_parameters():
    widths, kernel = (3, 16, 32, 64, 128, 256, 512), 3
    by_hand = sum(a * b * kernel**2 + b + 2 * b for a, b in itertools.pairwise(widths)) + 512 * 1000 + 1000
    assert sum(p.numel() for p in medium_cnn(1000, 3, 224, kernel).parameters()) == by_hand


@pytest.mark.parametrize(
    "name", [n for n, e in catalog("networks").items() if "timed_at" not in e and "medium" not in n]
)
def test_every_network_of_figure_6_builds(name):
    entry = catalog("networks")[name]
    with torch.device("meta"):
        network = build(entry["build"], classes=1000, channels=3, size=224, **entry["options"])
        assert network(torch.empty(2, 3, 224, 224)).shape == (2, 1000)


def test_a_gpu_that_others_use_is_refused(monkeypatch):
    fake_pynvml.use(monkeypatch, {"uuid": "GPU-1", "apps": [[4711, "python"], [12, ""]]}, {"uuid": "GPU-2", "apps": []})
    message = r"other processes compute on this GPU \(pid, name: 4711, python, 12, unknown\)"
    with pytest.raises(NoisegridError, match=message):
        check_alone("GPU-1")
    check_alone("GPU-2")


@pytest.mark.parametrize("uuid", ["GPU-1", "GPU-3", None])
def test_no_answer_is_not_alone(monkeypatch, uuid):
    fake_pynvml.use(monkeypatch, {"uuid": "GPU-1", "name": "H100"})  # the driver does not list processes
    with pytest.raises(NoisegridError, match=r"NVML did not say which processes .* or pass --allow-shared"):
        check_alone(uuid)
    monkeypatch.delenv("FAKE_NVML")  # no driver
    with pytest.raises(NoisegridError, match="NVML did not say"):
        check_alone(uuid)


@pytest.mark.parametrize("key", ["reasons", "older"])  # the name since driver 535, and that before
@pytest.mark.parametrize(
    ("bits", "disturbed", "note"),
    [
        (0x0, "", ""),
        (0x8 | 0x40, "throttled: hw_slowdown, hw_thermal_slowdown", ""),
        (0x20, "throttled: sw_thermal_slowdown", ""),
        (0x4, "", "power cap"),
        (0x1, "", ""),  # idle
    ],
)
def test_a_throttled_clock_disturbs_and_a_power_cap_is_noted(monkeypatch, key, bits, disturbed, note):
    fake_pynvml.use(monkeypatch, {"uuid": "GPU-1", "clock": 1500, "temperature": 60, key: bits})
    assert CudaWatch("GPU-1").stop() == Condition(1500.0, 60.0, disturbed, note)


def test_what_the_driver_does_not_say_is_said(monkeypatch):
    fake_pynvml.use(monkeypatch, {"uuid": "GPU-1", "clock": 1500})
    assert CudaWatch("GPU-1").stop() == Condition(1500.0, None, "", "clock event reasons unknown")
    assert CudaWatch("GPU-2").stop() == Condition(note="NVML did not answer")


def test_a_disturbed_block_is_repeated_and_kept_apart(monkeypatch):
    from noisegrid.overhead.conditions import CpuWatch

    answers = iter(["throttled"])
    monkeypatch.setattr(CpuWatch, "stop", lambda self: Condition(disturbed=next(answers, "")))
    found = timed("test_session:plain", "default")
    assert len(values(found, "default", "disturbed_step")) == 1
    assert len(values(found, "default", "step")) == 2


@pytest.mark.slow
def test_command_prints_a_table_and_a_failing_network_does_not_stop_the_next(tmp_path):
    (tmp_path / "own.py").write_text(
        "def broken(classes, channels, size):\n    raise RuntimeError('cannot be built')\n"
    )
    few = ["--size", 8, "--batch-size", 2, "--processes", 2, "--blocks", 3, "--steps", 1]
    few += ["--arms", "deterministic", "--output", "out"]
    done = noisegrid("overhead", "own:broken", "mediumcnn_k1", "--hardware", "cpu", *few, cwd=tmp_path)
    assert done.returncode == 1
    assert "cannot be built" in done.stdout and "1 of 2 networks failed: cpu/own.broken" in done.stdout
    assert "mediumcnn_k1" in done.stdout and "repeatable" in done.stdout
    with (tmp_path / "out/cpu/mediumcnn_k1.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(row["measure"] == "step" for row in rows) == 2 * 6
    record = json.loads((tmp_path / "out/cpu/mediumcnn_k1.json").read_text())
    assert record["device"]["kind"] == "cpu" and record["arms"]["deterministic"] == {"deterministic": True}


@pytest.mark.slow
def test_an_interrupted_timing_leaves_its_blocks_ends_its_processes_and_is_resumed(tmp_path):
    """Networks that are timed are kept, and the one that was interrupted is timed anew from its first process."""
    (tmp_path / "mine.yaml").write_text(
        textwrap.dedent("""\
        name: mine
        seed: 1
        cells: [{hardware: [cpu], tasks: [smallcnn-digits], noise: [control], replicates: 2}]
        overhead:
          - {hardware: [cpu], networks: [smallcnn, mediumcnn_k1], arms: [default], size: 16, batch_size: 2,
             processes: 2, blocks: 3, steps: 2}
        """)
    )
    folder = tmp_path / "out/cpu"
    command = ["overhead", "--study", "mine.yaml", "--hardware", "cpu", "--output", "out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow")}
    words = [sys.executable, "-m", "noisegrid", *command]
    started = subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    while not (folder / "mediumcnn_k1.csv.partial").exists():
        assert started.poll() is None
        time.sleep(0.05)
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
    started.send_signal(signal.SIGTERM)
    assert started.wait(30) != 0
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "a process went on after its parent had ended"
        time.sleep(0.1)
    assert {path.name for path in folder.iterdir()} == {
        "smallcnn.csv", "smallcnn.csv.sha256", "smallcnn.json", "mediumcnn_k1.csv.partial"
    }  # fmt: skip
    kept = (folder / "smallcnn.csv").read_bytes()
    done = noisegrid(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "mediumcnn_k1 on" in done.stdout and "smallcnn on" not in done.stdout
    assert (folder / "smallcnn.csv").read_bytes() == kept
    with (tmp_path / "out/cpu.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["measure"] == "step"]
    pairs = {(row["network"], row["process"]) for row in rows}
    assert pairs == set(itertools.product(("smallcnn", "mediumcnn_k1"), "01"))


@pytest.mark.parametrize(
    ("hardware", "network", "names", "message"),
    [
        ("cpu", "resnet51", None, "did you mean 'resnet50'?"),
        ("cpu", "resnet50", ["determinstic"], "did you mean 'deterministic'?"),
        ("cpu", "nowhere:net", None, "there is no module 'nowhere'"),
    ],
)
def test_unknown_names_are_told_before_any_work(hardware, network, names, message):
    with pytest.raises(NoisegridError, match=message.replace("?", r"\?")):
        timed_network(hardware, network, names, "here")


def test_an_arm_brings_the_one_it_is_held_against():
    assert timed_network("cpu", "resnet50", ["bf16_deterministic"], "here").arms == (
        "default",
        "bf16",
        "bf16_deterministic",
    )
