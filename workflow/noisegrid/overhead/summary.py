"""The overhead stage, which times networks under every arm on an otherwise idle device and reports the results.

For each network, the stage prints a table and writes two files when the network is done, so that an interrupted run
leaves an earlier result as it is. <output>/<hardware>/<network>.csv has the measurements of all blocks, and
<output>/<hardware>/<network>.json has the device, the versions, the arms and the skipped arms. Until then, the blocks
are in <output>/<hardware>/<network>.csv.partial, which is rewritten after each block. For a study, the networks that
are timed already are left as they are, and <output>/<hardware>.csv has the blocks of all of them. This process computes
nothing: each network is timed in several processes of its own (see `processes`).
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# silence the profiler, whose messages would hide the table; the variable is read when torch is imported
os.environ.setdefault("KINETO_LOG_LEVEL", "99")

import torch

from noisegrid import __version__
from noisegrid.common.collect import collect
from noisegrid.common.errors import NoisegridError, UsageError, unknown
from noisegrid.common.files import checksum_file, checksum_text, write_text, write_with_checksum
from noisegrid.common.schemas import catalog
from noisegrid.common.versions import OVERHEAD
from noisegrid.overhead import conditions, explain
from noisegrid.overhead.processes import Timed, time_network
from noisegrid.overhead.session import Row
from noisegrid.overhead.table import summary
from noisegrid.runtime import container, devices, machine, refused_nodes
from noisegrid.runtime.hardware import HardwareEntry, entry
from noisegrid.study.arms import UNITS, arms, inputs_of, inputs_timed, timed_network
from noisegrid.study.resolve import load
from noisegrid.study.study import TimedNetwork

#: The networks that `all` stands for: those in the paper's Figure 6, those that the paper trains, and others.
ALL = (
    "smallcnn", "resnet18", "vgg16", "vgg19", "resnet50", "resnet152", "densenet121", "densenet201", "inception_v3",
    "xception", "mobilenet", "efficientnet_b0", "mediumcnn_k1", "mediumcnn_k3", "mediumcnn_k5", "mediumcnn_k7",
    "mediumcnn_d2", "mediumcnn_d4", "mediumcnn_s2", "mediumcnn_g8", "mediumcnn_g16", "vit_b_16", "vit_tiny",
    "gpt", "pyramid",
)  # fmt: skip
#: The options that set a field of TimedNetwork, and all options that a study states instead.
SETTINGS = ("inputs", "size", "classes", "batch_size", "processes", "blocks", "steps")
STATED_BY_STUDY = (*SETTINGS, "arms")


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
    work = f"{timing.size} {UNITS[inputs_timed(timing)]}, batch {timing.batch_size}"
    work += f", per arm {timing.blocks} blocks of {timing.steps} steps in each of {timing.processes} processes"
    print(f"\n{timing.network} on {common['device']}, {common['versions']}: {work}", flush=True)
    output = folder / timing.hardware / timing.network if folder else None
    partial = output.with_name(f"{output.name}.csv.partial") if output else None
    try:
        found = time_network(timing, hardware, common, partial)
    except NoisegridError as error:
        print(error, file=sys.stderr, flush=True)
        return False
    print(summary(found), flush=True)
    if output is not None and partial is not None:
        _write(output, partial, record_of(found, timing, hardware.device, common, started))
    return True


def _write(output: Path, rows: Path, record: dict[str, Any]) -> None:
    """Write the two files of a network, given the file that has its rows already.

    The new texts are written beside the old files before any of these is replaced, so a full disk leaves an earlier
    result as it is. The JSON of an earlier result is then deleted first, and the new one gets its name last: a CSV
    without a JSON is a result that is not complete.
    """
    table, about = (output.with_name(f"{output.name}.{suffix}") for suffix in ("csv", "json"))
    checksum, described = (path.with_name(f"{path.name}.partial") for path in (checksum_file(table), about))
    write_text(checksum, checksum_text(table, rows.read_text(encoding="utf-8")))
    write_text(described, json.dumps(record, indent=1) + "\n")
    about.unlink(missing_ok=True)
    checksum.replace(checksum_file(table))
    rows.replace(table)
    described.replace(about)


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
        planned = TimedNetwork(**found["planned"] | {"arms": tuple(found["planned"]["arms"])})
    except (OSError, ValueError, KeyError, TypeError):
        return False
    definitions = [(about or {}).get("definition") for about in (found.get("container"), image)]
    return planned == timing and definitions[0] == definitions[1]


def asked_for(options: argparse.Namespace, hardware: str | None) -> tuple[str, list[TimedNetwork]]:
    """Return the name of the study (empty without a study) and the networks that the command line requests.

    Without a hardware, return the networks that a study times on any hardware, each once.
    """
    names = ALL if options.networks == ["all"] else options.networks
    stated = [name for name in STATED_BY_STUDY if getattr(options, name) is not None]
    if options.study and stated:
        raise UsageError(f"{_option(stated[0])}: the study says it; leave {_option(stated[0])} out, or edit the study")
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
    if options.inputs not in (None, *UNITS):
        raise UsageError(f"--inputs: {unknown('kind of inputs', options.inputs, UNITS)}")
    _check_fixed(options, names)
    more = {key: value for key in SETTINGS if (value := getattr(options, key)) is not None}
    return "", [timed_network(hardware or "cpu", name, options.arms, "overhead", **more) for name in names]


def _check_fixed(options: argparse.Namespace, names: Sequence[str]) -> None:
    """Refuse --inputs for a network of the catalog, and a --size that none of the networks would have."""
    listed = {name: catalog("networks")[name] for name in names if name in catalog("networks")}
    if listed and options.inputs:
        name = next(iter(listed))
        raise UsageError(f"--inputs: {name} takes {inputs_of(name)} (networks.yaml says so); leave --inputs out")
    fixed = [
        f"{name} is timed at {about['timed_at']} {UNITS[inputs_of(name)]} and at no other size"
        for name, about in listed.items()
        if "timed_at" in about
    ]
    if options.size and fixed:
        if len(fixed) == len(set(names)):
            raise UsageError(f"--size: {', '.join(fixed)}; leave --size out")
        print(f"note: {', '.join(fixed)}; --size is that of the other networks", file=sys.stderr, flush=True)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def explain_networks(options: argparse.Namespace) -> None:
    """Print which operators of the requested networks may vary on CUDA. Needs no GPU (see `explain`)."""
    for network in asked_for(options, hardware=None)[1]:
        found = explain.explain(network)
        table = [explain.table(found.uses)] if found.uses else []
        print(*table, explain.sentence(network.network, found), "", sep="\n")


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
