"""A small study, trained by `noisegrid train` on machines with a CUDA runtime and no GPU."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from types import MappingProxyType
from typing import Any

import yaml
from null_machine import NullMachine

#: The short tasks of the study. Each is a task of the catalog with fewer epochs.
TASKS = {
    "short-digits": "smallcnn_dropout-digits",
    "short-pyramid": "pyramid-digits",
    "short-resnet": "resnet18-digits",
    "short-vit": "vit_tiny-digits",
}
H100 = NullMachine()
#: A card for each precision, by hardware entry.
CARDS = {
    "h100": H100,
    "h200_amp": NullMachine("NVIDIA H200", 141),
    "rtx5000_amp@here": NullMachine("Quadro RTX 5000", 10, capability="7.5"),
}


def training(
    folder: Path,
    datasets: Path,
    noises: Mapping[str, Sequence[str]] = MappingProxyType({"short-digits": ["control"]}),
    hardware: str = "h100",
    epochs: int = 2,
    replicates: str = "0-1",
) -> list[object]:
    """Write the study; return the arguments of noisegrid that train replicates of these noises of each task."""
    blocks = [
        {"hardware": [hardware], "tasks": [task], "noise": list(names), "replicates": 2}
        for task, names in noises.items()
    ]
    tasks = {task: {"like": TASKS[task], "epochs": epochs, "schedule": [[1, 0.1]]} for task in noises}
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump({"name": "on_null", "seed": 1, "cells": blocks, "tasks": tasks}))
    options = ["--hardware", hardware, "--replicates", replicates, "--datasets", datasets]
    return ["train", study, *options, "--results", folder / "results", "--output", folder / "chunk.json"]


def own(folder: Path, **more: str) -> dict[str, str]:
    """Return variables that put lock files of cards in a folder of the test, so that tests do not wait for others."""
    return {"TMPDIR": str(folder), **more}


def train(folder: Path, datasets: Path, machine: NullMachine = H100, **more: str) -> CompletedProcess[str]:
    """Train two replicates of the control cell on an H100, or on what a scheduler chose of a machine."""
    return machine.run("-m", "noisegrid", *training(folder, datasets), **own(folder, **more))


def record_files(folder: Path) -> list[Path]:
    """Return the records of the study, in the order of noise and replicate."""
    return sorted(folder.glob("results/on_null/replicates/**/record.json"))


def records(folder: Path) -> list[dict[str, Any]]:
    """Return the contents of the records of the study."""
    return [json.loads(path.read_text()) for path in record_files(folder)]
