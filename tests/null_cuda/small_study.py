"""A small study, trained by `noisegrid train` on machines with a CUDA runtime and no GPU."""

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from null_machine import NullMachine

STUDY = """
name: on_null
seed: 1
cells:
  - {hardware: ["%s"], tasks: [short-digits], noise: [%s], replicates: 2}
tasks:
  short-digits: {like: %s, epochs: %d, schedule: [[1, 0.1]]}
"""
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
    hardware: str = "h100",
    noise: str = "control",
    like: str = "smallcnn_dropout-digits",
    epochs: int = 2,
) -> list[object]:
    """Write the study; return the arguments of noisegrid that train its two replicates of each noise."""
    study = folder / "study.yaml"
    study.write_text(STUDY % (hardware, noise, like, epochs))
    options = ["--hardware", hardware, "--replicates", "0-1", "--datasets", datasets, "--results", folder / "results"]
    return ["train", study, *options, "--output", folder / "chunk.json"]


def own(folder: Path, **more: str) -> dict[str, str]:
    """Return variables that put lock files of cards in a folder of the test, so that tests do not wait for others."""
    return {"TMPDIR": str(folder), **more}


def train(
    folder: Path,
    datasets: Path,
    machine: NullMachine = H100,
    hardware: str = "h100",
    noise: str = "control",
    **more: str,
) -> CompletedProcess[str]:
    """Train the study to its end on a machine."""
    return machine.run("-m", "noisegrid", *training(folder, datasets, hardware, noise), **own(folder, **more))


def record_files(folder: Path) -> list[Path]:
    """Return the records of the study, in the order of noise and replicate."""
    return sorted(folder.glob("results/on_null/replicates/**/record.json"))


def records(folder: Path) -> list[dict[str, Any]]:
    """Return the contents of the records of the study."""
    return [json.loads(path.read_text()) for path in record_files(folder)]
