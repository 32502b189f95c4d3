"""The overhead stage, which times networks under every arm on an otherwise idle device and reports the results.

For each network, the stage prints a table and writes two files. <output>/<hardware>/<network>.csv has the measurements
of all blocks. It is rewritten after each block, so that an interrupted run leaves a usable result. At the end, the
stage writes <output>/<hardware>/<network>.json with the device, the versions, the arms and the skipped arms. For a
study, the networks that are timed already are left as they are, and <output>/<hardware>.csv has the blocks of all of
them. This process computes nothing: each network is timed in several processes of its own (see `processes`).
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# silence the profiler, whose messages would hide the table; the variable is read when torch is imported
os.environ.setdefault("KINETO_LOG_LEVEL", "99")

import torch

from noisegrid import __version__, stats
from noisegrid.common.collect import collect
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text, write_with_checksum
from noisegrid.common.text import aligned
from noisegrid.common.versions import OVERHEAD
from noisegrid.overhead import conditions, explain
from noisegrid.overhead.processes import Timed, time_network
from noisegrid.overhead.session import Row
from noisegrid.runtime import container, devices, machine, refused_nodes
from noisegrid.runtime.hardware import HardwareEntry, entry
from noisegrid.study.arms import UNITS, arms, inputs_of, timed_network
from noisegrid.study.resolve import load
from noisegrid.study.study import TimedNetwork

#: The networks that `all` stands for: those in the paper's Figure 6, those that the paper trains, and others.
ALL = (
    "smallcnn", "resnet18", "vgg16", "vgg19", "resnet50", "resnet152", "densenet121", "densenet201", "inception_v3",
    "xception", "mobilenet", "efficientnet_b0", "mediumcnn_k1", "mediumcnn_k3", "mediumcnn_k5", "mediumcnn_k7",
    "mediumcnn_d2", "mediumcnn_d4", "mediumcnn_s2", "mediumcnn_g8", "mediumcnn_g16", "vit_b_16", "vit_tiny",
    "gpt", "pyramid",
)  # fmt: skip


def record_of(found: Timed, planned: TimedNetwork, device: str, common: Row, started: str) -> dict[str, Any]:
    """Return the content of a network's JSON file: everything that is needed to repeat the measurement."""
    return {
        "format": OVERHEAD,
        "noisegrid": __version__,
        "study": common["study"],
        "hardware": common["hardware"],
        "planned": asdict(planned),
        "timing": asdict(found.timing),  # the batch may be smaller than planned, if memory ran out
        "arms": {name: arms()[name].switches for name in found.arms},
        "skipped": found.skipped,
        "remedied": found.remedied,
        "threads": torch.get_num_threads(),
        "cublas_workspace": os.environ["CUBLAS_WORKSPACE_CONFIG"],
        "device": machine.device(device),
        "software": machine.software(),
        "code": machine.code(planned.build),
        "container": common["image"],
        "started": started,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def summary(found: Timed) -> str:
    """Format the measurements of a network as a text table.

    Each arm has one line with its step time, the name of the arm that it is compared with, the ratio of the two step
    times with its interval over processes, the kernel time, the duration of the first step, and whether the arm is
    repeatable.
    """
    lines = [("arm", "step ms", "against", "ratio [95 %]", "kernels ms", "first ms", "repeatable")]
    for name in found.arms:
        against = arms()[name].against
        ratio = ""
        if against in found.arms:
            pairs = zip(_blocks(found, name), _blocks(found, against), strict=True)
            value, low, high, *_ = stats.ratio_over_processes([stats.block_ratios(*pair) for pair in pairs])
            ratio = f"{value:.3f} [{low:.3f}, {high:.3f}]"
        step, kernel_sum, first = (_median(found, name, measure) for measure in ("step", "kernel_sum", "first_step"))
        lines.append((name, step, against, ratio, kernel_sum, first, _repeatable(found, name)))
    text = aligned(lines)
    notes = [f"{name}: {why}" for name, why in (found.remedied | found.skipped).items()]
    if found.timing.processes == 1:
        notes.append("The intervals are conditional on one process.")
    return "\n".join([*text, *notes])


def _values(found: Timed, arm: str, measure: str) -> list[float]:
    return [row["value"] for row in found.rows if (row["arm"], row["measure"]) == (arm, measure)]


def _blocks(found: Timed, arm: str) -> list[list[float]]:
    """Return the step times of the blocks of an arm, as a list for each process."""
    rows = [row for row in found.rows if (row["arm"], row["measure"]) == (arm, "step")]
    return [[row["value"] for row in rows if row["process"] == process] for process in range(found.timing.processes)]


def _median(found: Timed, arm: str, measure: str) -> str:
    values = _values(found, arm, measure)
    return f"{stats.median(values):.2f}" if values else ""


def _repeatable(found: Timed, arm: str) -> str:
    if not (repeatable := _values(found, arm, "repeatable")):
        return ""
    return "yes" if repeatable[0] else f"no, step {_values(found, arm, 'first_differing_step')[0]:.0f}"


def versions(device: dict[str, Any]) -> str:
    """Return the software versions in one text. Every measurement contains this text next to the name of the device."""
    software = machine.software()
    parts = [f"torch {software['torch']}", f"Python {software['python']}"]
    if device["kind"] == "cuda":
        parts += [f"cuDNN {software['cudnn']}", f"driver {device['driver']}"]
    if device["kind"] == "cpu":
        parts.append(f"{torch.get_num_threads()} threads")
    return ", ".join(parts)


def time_and_print(timing: TimedNetwork, hardware: HardwareEntry, common: Row, folder: Path | None) -> bool:
    """Time one network, write its files and print its table.

    Returns
    -------
    bool
        Whether the network could be timed. If not, the error is printed.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    work = f"{timing.size} {UNITS[inputs_of(timing.network)]}, batch {timing.batch_size}"
    work += f", per arm {timing.blocks} blocks of {timing.steps} steps in each of {timing.processes} processes"
    print(f"\n{timing.network} on {common['device']}, {common['versions']}: {work}", flush=True)
    output = folder / timing.hardware / timing.network if folder else None
    try:
        found = time_network(timing, hardware, common, output)
    except NoisegridError as error:
        print(error, file=sys.stderr, flush=True)
        return False
    print(summary(found), flush=True)
    if output is not None:
        record = json.dumps(record_of(found, timing, hardware.device, common, started), indent=1)
        write_text(output.with_name(f"{output.name}.json"), record + "\n")
    return True


def is_timed(timing: TimedNetwork, folder: Path, image: dict[str, Any] | None) -> bool:
    """Return whether a network has been timed with the same settings in the same container image.

    Parameters
    ----------
    timing : TimedNetwork
        The network and its settings.
    folder : Path
        The folder that results are written to.
    image : dict or None
        The description of the container image that this process runs in; None outside an image.
    """
    path = folder / timing.hardware / f"{timing.network}.json"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    definitions = [(about or {}).get("definition") for about in (found.get("container"), image)]
    return found.get("planned") == json.loads(json.dumps(asdict(timing))) and definitions[0] == definitions[1]


def asked_for(options: argparse.Namespace, hardware: str | None) -> tuple[str, list[TimedNetwork]]:
    """Return the name of the study (empty without a study) and the networks that the command line requests.

    Without a hardware, return the networks that a study times on any hardware, each once.
    """
    names = ALL if options.networks == ["all"] else options.networks
    if options.study:
        study = load(options.study)
        on_hardware = [timed for timed in study.timed_networks if hardware in (timed.hardware, None)]
        found = {timed.network: timed for timed in on_hardware if not names or timed.network in names}
        if not found:
            raise NoisegridError(f"study {options.study} times no such network{f' on {hardware}' if hardware else ''}")
        return study.name, list(found.values())
    if not names:
        raise NoisegridError(
            "no network was named; name one or more, such as resnet50, or --study for the networks of a study"
        )
    more = {
        key: value for key in ("size", "batch_size", "processes", "blocks", "steps") if (value := getattr(options, key))
    }
    return "", [timed_network(hardware or "cpu", name, options.arms, "overhead", **more) for name in names]


def explain_networks(options: argparse.Namespace) -> None:
    """Print which operators of the requested networks may vary on CUDA. Needs no GPU (see `explain`)."""
    for network in asked_for(options, hardware=None)[1]:
        uses = explain.explain(network)
        print(*([explain.table(uses)] if uses else []), explain.sentence(network.network, uses), "", sep="\n")


def time_networks(options: argparse.Namespace) -> None:
    """Time the networks requested by the options of `noisegrid overhead`.

    Raises
    ------
    NoisegridError
        If the device is not available or not idle, or if a network failed. If a network fails, the other networks are
        timed before the error is raised.
    """
    (hardware_name,) = devices.named([options.hardware], "--hardware")
    study_name, timed_networks = asked_for(options, hardware_name)
    hardware = entry(hardware_name)
    cuda = hardware.is_cuda
    image = container.check_inside(options.image)
    machine.check_environment(hardware.stack, hardware.device)
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # before CUDA starts; older PyTorch needs it for determinism
    folder = options.output if options.study else None
    study = folder.parent if folder else None  # a study's overhead folder lies inside the folder of the study
    with refused_nodes.claimed(hardware.gpu, study, hardware_name) as uuid:
        note = ""
        if cuda and not options.allow_shared:
            conditions.check_alone(uuid or devices.chosen())
        elif cuda:
            note = "device may be shared (--allow-shared)"
        torch.set_num_threads(options.threads or os.cpu_count() or 1)
        machine.check_device(hardware.gpu)
        device = machine.device(hardware.device)
        common = {
            "study": study_name,
            "hardware": hardware_name,
            "device": device["model"],
            "uuid": device.get("uuid", ""),
            "versions": versions(device),
            "note": note,
            "image": image,
        }
        missing = [timing for timing in timed_networks if not (folder and is_timed(timing, folder, image))]
        failed = [timing.path for timing in missing if not time_and_print(timing, hardware, common, options.output)]
    if failed:
        raise NoisegridError(f"{len(failed)} of {len(timed_networks)} networks failed: {', '.join(failed)}; see above")
    if folder:
        parts = [folder / hardware_name / f"{timing.network}.csv" for timing in timed_networks]
        write_with_checksum(folder / f"{hardware_name}.csv", collect(parts))
