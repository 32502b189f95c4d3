"""The measurement of one network in one process: its training step is timed, verified and profiled under every arm.

A session has four parts. First, each arm runs its first step, which includes autotuning and compilation. Second, all
arms run interleaved blocks of timed steps. Third, in the first process only, each arm runs twice from the same state,
and the two runs are compared bit by bit after every step. Last, the profiler measures the kernels.
"""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from noisegrid import stats
from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import csv_text, write_text
from noisegrid.common.progress import Progress, duration, say
from noisegrid.overhead import kernels
from noisegrid.overhead.bench import Rig
from noisegrid.overhead.conditions import Condition, CpuWatch, CudaWatch
from noisegrid.overhead.inputs import batch, built
from noisegrid.runtime import machine
from noisegrid.runtime.failures import is_out_of_memory
from noisegrid.runtime.hardware import HardwareEntry
from noisegrid.study.arms import REFERENCE, Arm, arms, why_not
from noisegrid.study.study import TimedNetwork

Row = dict[str, Any]
Found = TypeVar("Found")
#: Columns of overhead.csv. `unit` is the unit of `value`. `process` and `block` are indices from 0.
COLUMNS = (
    "study", "hardware", "network", "arm", "against", "measure", "process", "block", "kernel", "module", "direction",
    "unit", "value", "steps", "batch_size", "size_px", "clock_mhz", "temperature_c", "note", "device", "versions",
    "schema",
)  # fmt: skip
#: The arms whose kernels are listed one by one. For the other arms, only the sum of the kernel times is kept.
BREAKDOWN = (REFERENCE, "deterministic")
WARM_UP_STEPS, SETTLE_STEPS, VERIFY_STEPS, PROFILE_STEPS = 3, 2, 3, 2
#: An estimated duration (s) from which on it is printed, and one from which on the options that shorten it are named.
LONG_S, SLOW_S = 10, 3600
#: The largest number of times that a block is repeated because the device was throttled or shared during the block.
REPEATS = 2


class Refused(Exception):
    """Raised when PyTorch's deterministic mode refuses an operator. The message is the name of the operator."""


class Session:
    """The measurement of one network in this process, with the arms that can run and the rows collected so far.

    Parameters
    ----------
    timing : TimedNetwork
        The network, its arms and the amount of work.
    hardware : HardwareEntry
        The hardware entry of the catalog.
    common : Row
        Values that all rows share.
    output : Path or None
        Path of the CSV file that gets the rows after each block, or None to write no file.
    process : int
        The index of this process.
    before : list of Row
        The rows of the processes before this one.
    """

    def __init__(
        self,
        timing: TimedNetwork,
        hardware: HardwareEntry,
        common: Row,
        output: Path | None,
        process: int = 0,
        before: Sequence[Row] = (),
    ) -> None:
        self.timing, self.hardware, self.output, self.process = timing, hardware, output, process
        self.device = torch.device(hardware.device)
        self.rows: list[Row] = list(before)
        self.common = common | {
            "schema": versions.OVERHEAD,
            "process": process,
            "network": timing.network,
            "size_px": timing.size,
            "batch_size": timing.batch_size,
        }
        self.skipped: dict[str, str] = {}
        self.remedied: dict[str, str] = {}
        self.running: list[Arm] = []
        self.first_s: list[float] = []
        self.step_s: list[float] = []
        self.watch = CudaWatch(common["uuid"]) if self.device.type == "cuda" else CpuWatch()
        self.rig = self._make_rig()
        self.autotuned = ThreadPoolExecutor(1, "autotuned")

    def _make_rig(self) -> Rig:
        torch.manual_seed(0)
        network = built(self.timing)
        return Rig(network, *batch(self.timing, self.timing.batch_size), self.device)

    def run(self) -> None:
        """Run all parts of the session, the most important ones first.

        Raises
        ------
        NoisegridError
            If the arm REFERENCE, with which other arms are compared, cannot run.
        """
        load_libraries(self.device)
        for name in self.timing.arms:
            self._try(arms()[name])
        if REFERENCE not in [arm.name for arm in self.running]:
            raise NoisegridError(f"{self.timing.path}: {self.skipped.get(REFERENCE, 'no arm runs')}")
        if self.process == 0:
            self._announce()
        blocks = self.timing.blocks
        stages: list[tuple[str, Callable[[], None]]] = [
            (f"block {block + 1} of {blocks} timed", partial(self._time_block, block)) for block in range(blocks)
        ]
        if self.process == 0:
            stages += [(f"{arm.name} run twice and compared", partial(self._verify, arm)) for arm in self.running]
        stages += [("kernels profiled", self._profile)]
        later = (self.timing.processes - self.process - 1) * (blocks + 1)  # the stages of the later processes
        title = f"{self.timing.path}, process {self.process + 1} of {self.timing.processes}"
        progress = Progress(len(stages) + later, title, "stages")
        for done, (what, stage) in enumerate(stages, 1):
            stage()
            progress.show(done, what)

    def _announce(self) -> None:
        """Print how long all processes will take, estimated from the first steps and the warm-up steps of this one."""
        timing, last = self.timing, self.device.type == "cuda"  # there, a block has a step that is not timed
        each = WARM_UP_STEPS + timing.blocks * (SETTLE_STEPS + timing.steps + last) + 1 + PROFILE_STEPS
        seconds = sum(self.step_s) * (timing.processes * each + 2 * VERIFY_STEPS)
        seconds += sum(self.first_s) * (timing.processes - 1)
        if seconds < LONG_S:
            return
        text = f"{timing.path}: about {duration(seconds)} for {len(self.running)} arms, by the first steps"
        if seconds > SLOW_S:
            text += "; fewer arms, a smaller batch size, and fewer blocks or steps make it shorter"
        say(text)

    def add(self, arm: Arm, measure: str, unit: str, value: float, **more: Any) -> None:
        """Add a row for one measurement of an arm."""
        row = {"arm": arm.name, "against": arm.against, "measure": measure, "unit": unit, "value": value}
        notes = [self.common["note"], self.remedied.get(arm.name, ""), more.pop("note", "")]
        self.rows.append(self.common | row | {"note": "; ".join(filter(None, notes))} | more)

    def save(self) -> None:
        """Write the rows collected so far."""
        if self.output is not None:
            write_text(self.output, csv_text(self.rows, COLUMNS, digits=6))

    def _on_its_thread(self, arm: Arm, work: Callable[[Arm], Found]) -> Found:
        """Run the work of an arm. If the arm uses cuDNN autotuning, run the work on a separate thread.

        PyTorch caches cuDNN's execution plans per thread and by shape, whether autotuning found them or not (see
        ATen/native/cudnn/Conv_v8.cpp in PyTorch). If an autotuned arm shared a thread with other arms, it would run
        with the plans of those arms. The separate thread runs the backward passes too.
        """
        if not arm.switches.get("cudnn_benchmark"):
            return work(arm)

        def alone() -> Found:
            # otherwise, the backward passes of all arms would share one thread
            with torch.autograd.set_multithreading_enabled(False):
                return work(arm)

        return self.autotuned.submit(alone).result()

    def _prepare(self, arm: Arm) -> None:
        self.rig.prepare(arm, remedy=arm.name in self.remedied)

    def _try(self, arm: Arm) -> None:
        """Time the first step of an arm and warm the arm up. If the arm cannot run, skip it and record the reason."""
        reason = why_not(arm, self.hardware)
        if not reason:
            reason = self._first_step(arm)
        if reason:
            self.skipped[arm.name] = reason
            self.add(arm, "skipped", "", math.nan, note=reason)
        else:
            self.running.append(arm)

    def _first_step(self, arm: Arm) -> str:
        """Run the first step of an arm. Return the reason why the arm cannot run, or an empty string if it can."""
        try:
            first = self._on_its_thread(arm, self._warm_up)
        except Refused as refusal:
            names = self.rig.remedies()
            if not names:
                return f"{refusal} has no deterministic implementation"
            self.remedied[arm.name] = f"{refusal} has no deterministic implementation; timed with {', '.join(names)}"
            try:
                first = self._on_its_thread(arm, self._warm_up)
            except Refused as again:
                del self.remedied[arm.name]
                return f"{again} has no deterministic implementation"
        except Exception as error:  # a compiler may raise any exception
            if is_out_of_memory(error) or arm.name == REFERENCE:
                raise
            return " ".join(f"{type(error).__name__}: {error}".split())[:300]
        self.add(arm, "first_step", "ms", first)
        return ""

    def _warm_up(self, arm: Arm) -> float:
        """Run the first step and a few more steps; return the duration of the first step in milliseconds."""
        self._prepare(arm)
        self.rig.synchronize()
        began = time.perf_counter()
        try:
            self.rig.step()
        except RuntimeError as error:
            if (operator := refused_operator(error)) is not None:
                raise Refused(operator) from error
            raise
        self.rig.synchronize()
        first = 1000 * (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(WARM_UP_STEPS):
            self.rig.step()
        self.rig.synchronize()
        self.first_s.append(first / 1000)
        self.step_s.append((time.perf_counter() - began) / WARM_UP_STEPS)
        return first

    def _time_block(self, block: int) -> None:
        """Time one block of every arm, and repeat disturbed blocks.

        The order of the arms rotates from block to block and from process to process, so that drift affects all arms
        equally.
        """
        turn = (self.process * self.timing.blocks + block) % len(self.running)
        for arm in self.running[turn:] + self.running[:turn]:
            for attempt in range(REPEATS + 1):
                steps, condition = self._on_its_thread(arm, self._timed_steps)
                counts = not condition.disturbed or attempt == REPEATS
                note = "; ".join(filter(None, [condition.disturbed, condition.note]))
                about = {"block": block, "steps": len(steps), "note": note}
                about |= {"clock_mhz": condition.clock_mhz, "temperature_c": condition.temperature_c}
                self.add(arm, "step" if counts else "disturbed_step", "ms", float(stats.median(steps)), **about)
                if counts:
                    break
        self.save()

    def _timed_steps(self, arm: Arm) -> tuple[list[float], Condition]:
        """Time each step of a block in milliseconds, with CUDA events on a GPU or with the wall clock on a CPU."""
        rig = self.rig
        self._prepare(arm)
        for _ in range(SETTLE_STEPS):
            rig.step()
        rig.synchronize()
        self.watch.start()
        if self.device.type != "cuda":
            steps = []
            for _ in range(self.timing.steps):
                began = time.perf_counter()
                rig.step()
                steps.append(1000 * (time.perf_counter() - began))
            return steps, self.watch.stop()
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(self.timing.steps + 1)]
        marks[0].record()
        for mark in marks[1:]:
            rig.step()
            mark.record()
        rig.step()  # not timed; keeps the GPU busy while its clock is read
        condition = self.watch.stop()
        rig.synchronize()
        return [first.elapsed_time(second) for first, second in itertools.pairwise(marks)], condition

    def _verify(self, arm: Arm) -> None:
        """Run an arm twice from the same state, and record whether the bits agree after every step.

        If they do not agree, also record the number of the first step that differs, counted from 1.
        """
        prints = [self._on_its_thread(arm, self._fingerprints) for _ in range(2)]
        differing = next((n for n, (a, b) in enumerate(zip(*prints, strict=True), 1) if a != b), None)
        self.add(arm, "first_differing_step", "1", math.nan if differing is None else differing, steps=VERIFY_STEPS)
        self.add(arm, "repeatable", "1", float(differing is None), steps=VERIFY_STEPS)
        self.save()

    def _fingerprints(self, arm: Arm) -> list[str]:
        self._prepare(arm)
        return [self.rig.fingerprint(self.rig.step()) for _ in range(VERIFY_STEPS)]

    def _kernels_of(self, arm: Arm) -> list[kernels.Kernel]:
        self._prepare(arm)
        self.rig.step()
        return kernels.profile(self.rig.step, PROFILE_STEPS, self.rig.network, self.device)

    def _profile(self) -> None:
        """Record the total kernel time of every arm but compiled ones, and the kernels of the arms in BREAKDOWN.

        A kernel has a row with its time in all modules and, in the first process, a row for each of its modules. Where
        the profiler reports no kernels (on CUDA without CUPTI), there are no rows: the times are missing, not zero.
        """
        for arm in self.running:
            if arm.switches.get("compile"):
                continue  # named ranges would break the compiled graph, so a different program would be measured
            found = self._on_its_thread(arm, self._kernels_of)
            if not found:
                continue
            self.add(arm, "kernel_sum", "ms", sum(kernel.ms for kernel in found), steps=PROFILE_STEPS)
            if arm.name in BREAKDOWN:
                self._list_kernels(arm, found)
        self.save()

    def _list_kernels(self, arm: Arm, found: list[kernels.Kernel]) -> None:
        totals = dict.fromkeys((kernel.name for kernel in found), 0.0)
        for kernel in found:
            totals[kernel.name] += kernel.ms
            if self.process == 0:
                where = {"kernel": kernel.name, "module": kernel.module, "direction": kernel.direction}
                self.add(arm, "kernel", "ms", kernel.ms, steps=PROFILE_STEPS, **where)
        for name, ms in totals.items():
            self.add(arm, "kernel_total", "ms", ms, steps=PROFILE_STEPS, kernel=name)


def load_libraries(device: torch.device) -> None:
    """Load the libraries for convolutions and matrix products, so that no arm loads them in its first step."""
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 5 * 5, 2)).to(device)
    layers(torch.zeros(2, 3, 7, 7, device=device)).sum().backward()
    machine.synchronize(device.type)


def refused_operator(error: RuntimeError) -> str | None:
    """Return the operator that an error of PyTorch's deterministic mode names, or None for any other error."""
    name, found, _ = str(error).partition(" does not have a deterministic implementation")
    return name.rsplit("\n", 1)[-1].strip() if found else None
