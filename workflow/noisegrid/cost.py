"""What determinism costs: a network's training step timed under every arm, interleaved, on an otherwise idle device.

Writes, per network: <output>/<hardware>/<network>.csv (every block, rewritten as they come, so that a cut-off run is
still a result) and, at the end, .json beside it (device, versions, arms, what was refused).
Command: python -m noisegrid.cost --network resnet50   (prints a table; --network all: every network of Figure 6)
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# the profiler's own messages would drown the table; it reads this when torch is imported
os.environ.setdefault("KINETO_LOG_LEVEL", "99")

import torch

from noisegrid import __version__, metrics
from noisegrid.basics.errors import NoisegridError, exit_on_error
from noisegrid.basics.files import write_text
from noisegrid.design.study import load_study
from noisegrid.design.timings import Timing, timing_of
from noisegrid.node import container, devices, machine, refusals
from noisegrid.node.hardware import entry
from noisegrid.timing import conditions
from noisegrid.timing.session import Row, Session, time_network

#: What `--network all` times: the paper's Figure 6, the networks of the grid, and what we add.
ALL = (
    "smallcnn", "resnet18", "vgg16", "vgg19", "resnet50", "resnet152", "densenet121", "densenet201", "inception_v3",
    "xception", "mobilenet", "efficientnet_b0", "mediumcnn_k1", "mediumcnn_k3", "mediumcnn_k5", "mediumcnn_k7",
    "mediumcnn_d2", "mediumcnn_d4", "mediumcnn_s2", "mediumcnn_g8", "mediumcnn_g16", "vit_b_16",
)  # fmt: skip


def record_of(session: Session, common: Row, started: str) -> dict[str, Any]:
    """What goes beside the numbers: all that is needed to time the same thing again."""
    return {
        "noisegrid": __version__,
        "study": common["study"],
        "hardware": common["hardware"],
        "timing": asdict(session.timing),
        "arms": {arm.name: arm.switches for arm in session.running},
        "skipped": session.skipped,
        "remedied": session.remedied,
        "threads": torch.get_num_threads(),
        "cublas_workspace": os.environ["CUBLAS_WORKSPACE_CONFIG"],
        "device": machine.device(session.hardware["device"]),
        "software": machine.software(),
        "code": machine.code(),
        "container": common["image"],
        "started": started,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def summary(session: Session) -> str:
    """A table for a person: every arm's step, its ratio to the arm that it is held against, and whether it repeats."""
    rows = session.rows
    head = ("arm", "step ms", "against", "ratio [95 %]", "kernels ms", "first ms", "repeatable")
    lines = [head]
    blocks = {
        arm.name: [r["value"] for r in rows if r["arm"] == arm.name and r["measure"] == "step"]
        for arm in session.running
    }
    for arm in session.running:
        one = {r["measure"]: r["value"] for r in rows if r["arm"] == arm.name and r["measure"] != "kernel"}
        sums = [r["value"] for r in rows if r["arm"] == arm.name and r["measure"] == "kernel_sum"]
        ratio = ""
        if arm.against in blocks:
            found = metrics.ratio_of_blocks(blocks[arm.name], blocks[arm.against])
            ratio = f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
        kernel_sum = f"{metrics.median(sums):.2f}" if sums else ""
        again = (
            ""
            if "repeatable" not in one
            else "yes"
            if one["repeatable"]
            else f"no, step {one['first_differing_step']:.0f}"
        )
        step = f"{metrics.median(blocks[arm.name]):.2f}"
        lines.append((arm.name, step, arm.against, ratio, kernel_sum, f"{one['first_step']:.1f}", again))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    notes = [f"{name}: {why}" for name, why in (session.remedied | session.skipped).items()]
    return "\n".join([*text, *notes])


def main() -> None:
    options = parse_arguments()
    hardware_name = devices.catalog_name() if options.hardware == "auto" else options.hardware
    timings = asked_for(options, hardware_name)
    hardware = entry(hardware_name)
    cuda = hardware["device"] == "cuda"
    image = container.check_inside(options.image)
    machine.check_stack(hardware["stack"])
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # before CUDA starts: strict mode needs it in older releases
    study = options.output.parent if options.output and options.study else None  # a study's timings are in its cost/
    with refusals.claimed(hardware, study, hardware_name) as uuid:
        note = ""
        if cuda and not options.allow_shared:
            conditions.check_alone(uuid or devices.chosen())
        elif cuda:
            note = "device may be shared (--allow-shared)"
        torch.set_num_threads(options.threads or os.cpu_count() or 1)
        machine.check_device(hardware)
        device = machine.device(hardware["device"])
        common = {
            "study": options.study or "",
            "hardware": hardware_name,
            "device": device["model"],
            "uuid": device.get("uuid", ""),
            "versions": versions(device),
            "note": note,
            "image": image,
        }
        failed = [timing.path for timing in timings if not time_and_print(timing, hardware, common, options.output)]
    if failed:
        raise NoisegridError(f"{len(failed)} of {len(timings)} networks failed: {', '.join(failed)}, see above")


def versions(device: dict[str, Any]) -> str:
    """What a printed number must name besides the device."""
    software = machine.software()
    parts = [f"torch {software['torch']}", f"Python {software['python']}"]
    if device["kind"] == "cuda":
        parts += [f"cuDNN {software['cudnn']}", f"driver {device['driver']}"]
    return ", ".join([*parts, f"{torch.get_num_threads()} threads"] if device["kind"] == "cpu" else parts)


def time_and_print(timing: Timing, hardware: dict[str, Any], common: Row, folder: Path | None) -> bool:
    """Time one network, write its files, print its table; a network that fails does not stop the next."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    work = f"{timing.size} px, batch {timing.batch_size}, {timing.blocks} blocks of {timing.steps} steps per arm"
    print(f"\n{timing.network} on {common['device']}, {common['versions']}: {work}", flush=True)
    output = folder / timing.hardware / timing.network if folder else None
    try:
        session = time_network(timing, hardware, common, output)
    except NoisegridError as error:
        print(error, file=sys.stderr, flush=True)
        return False
    print(summary(session), flush=True)
    if output is not None:
        record = json.dumps(record_of(session, common, started), indent=1)
        write_text(output.with_name(f"{output.name}.json"), record + "\n")
    return True


def asked_for(options: argparse.Namespace, hardware: str) -> list[Timing]:
    """The timings that the command line names: of a study, or by network."""
    names = ALL if options.network == ["all"] else options.network
    if options.study:
        found = [t for t in load_study(options.study).timings if t.hardware == hardware and t.network in names]
        if not found:
            raise NoisegridError(f"study {options.study} does not time {', '.join(names)} on {hardware}")
        return found
    more = {key: value for key in ("size", "batch_size", "blocks", "steps") if (value := getattr(options, key))}
    return [timing_of(hardware, name, options.arms, "--network", **more) for name in names]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.cost", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--network", nargs="+", required=True, help="names in networks.yaml, package.module:function, or all"
    )
    parser.add_argument("--hardware", default="auto", help="a name in hardware.yaml (default: what this machine has)")
    parser.add_argument("--arms", nargs="+", help="names in arms.yaml (default: all but the slow ones)")
    parser.add_argument("--size", type=int, help="pixels of the images (default 224)")
    parser.add_argument("--batch-size", type=int, help="images per step (default 128)")
    parser.add_argument("--blocks", type=int, help="timed blocks of every arm (default 10)")
    parser.add_argument("--steps", type=int, help="training steps per block (default 10)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all cores)")
    parser.add_argument(
        "--allow-shared", action="store_true", help="time a GPU that others use too, and mark the result"
    )
    parser.add_argument("--image", type=Path, help="inspection of the image that this must run in")
    parser.add_argument("--study", help="take networks, arms and sizes from this study")
    parser.add_argument("--output", type=Path, help="folder for <hardware>/<network>.csv and .json")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
