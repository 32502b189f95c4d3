"""The parts of a campaign, the most valuable first. Each runs commands that a user could type."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from commands import ROOT, run_until

Plan = dict[str, Any]
#: Where Debian's package dataset-fashion-mnist puts the raw files.
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class Campaign:
    """A campaign: what to run, where it works, and the raw files of Fashion-MNIST, if they are there."""

    plan: Plan
    work: Path
    fashion_mnist: Path | None

    @classmethod
    def of(cls, plan: Path, work: Path, fashion_mnist: Path | None) -> "Campaign":
        """Read the plan, and look for Fashion-MNIST."""
        if fashion_mnist is None and DEBIAN_FASHION_MNIST.is_dir():
            fashion_mnist = DEBIAN_FASHION_MNIST
        return cls(yaml.safe_load(plan.read_text()), work.resolve(), fashion_mnist and fashion_mnist.resolve())

    def tasks(self, part: str) -> list[str]:
        """Return the tasks of a part whose raw data are on this machine."""
        by_dataset: dict[str, list[str]] = self.plan[part]["tasks"]
        return [task for name, tasks in by_dataset.items() if self.has(name) for task in tasks]

    def has(self, dataset: str) -> bool:
        """Return whether the raw data are on this machine. Digits come with scikit-learn."""
        return dataset == "digits" or (dataset == "fashion_mnist" and self.fashion_mnist is not None)

    @property
    def study(self) -> Path:
        """The file of the study that the replicates belong to."""
        return self.work / "gpu_campaign.yaml"

    def log(self, name: str) -> Path:
        """The log file of a part."""
        return self.work / "logs" / f"{name}.log"

    def write_study(self) -> None:
        """Write the study of the replicates."""
        plan = self.plan["replicates"]
        cells = {"hardware": [self.plan["hardware"]], "tasks": self.tasks("replicates")}
        study = {
            "name": "gpu_campaign",
            "description": "The first minutes on a GPU.",
            "seed": 20220829,
            "share_gpu": plan["at_once"],
            "cells": [cells | {"noise": plan["noise"], "replicates": plan["count"]}],
        }
        if plan["at_once"] == 1:
            del study["share_gpu"]
        self.work.mkdir(parents=True, exist_ok=True)
        self.study.write_text(yaml.safe_dump(study, sort_keys=False))


def prepare(campaign: Campaign, part: str, deadline: float) -> str:
    """Prepare the datasets of a part. Return `finished` or what went wrong."""
    for dataset in campaign.plan[part]["tasks"]:
        manifest = campaign.work / "datasets" / dataset / "manifest.json"
        if not campaign.has(dataset) or manifest.exists():
            continue
        folder = ["--folder", campaign.fashion_mnist] if dataset == "fashion_mnist" else []
        command = "-m", "noisegrid", "prepare-dataset", dataset, *folder, "--output", manifest
        if (outcome := run_until(deadline, campaign.log(part), *command)) != "finished":
            return outcome
    return "finished"


def tests(campaign: Campaign, deadline: float) -> str:
    """Run the tests that need a GPU, and keep a JUnit file of what each said."""
    junit = campaign.work / "tests.xml"
    command = "-m", "pytest", "tests/gpu", "-m", "gpu", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}"
    return run_until(deadline, campaign.log("tests"), *command)


def overhead(campaign: Campaign, deadline: float) -> str:
    """Time the training step of each network under each arm; every network has a CSV file of its own."""
    plan = campaign.plan["overhead"]
    numbers = [word for key in ("size", "batch_size", "processes", "blocks", "steps") for word in _option(key, plan)]
    networks, arms = plan["networks"], ["--arms", *plan["arms"]]
    command = ["-m", "noisegrid", "overhead", *networks, "--hardware", campaign.plan["hardware"], *arms, *numbers]
    return run_until(deadline, campaign.log("overhead"), *command, "--output", campaign.work / "overhead")


def replicates(campaign: Campaign, deadline: float) -> str:
    """Train the replicates task by task, and compute the metrics of each task whose cells are complete."""
    results, log = campaign.work / "results", campaign.log("replicates")
    study = ["--results", results]
    outcome = prepare(campaign, "replicates", deadline)
    if outcome == "finished":
        command = "-m", "noisegrid", "plan", campaign.study, "--write", *study
        outcome = run_until(deadline, log, *command)
    for task in campaign.tasks("replicates"):
        if outcome != "finished":
            break
        outcome = _train_and_measure(campaign, task, deadline)
    return outcome


def _train_and_measure(campaign: Campaign, task: str, deadline: float) -> str:
    results, log, plan = campaign.work / "results", campaign.log("replicates"), campaign.plan["replicates"]
    design, chunk = results / "gpu_campaign" / "design.json", campaign.work / "chunks" / f"{task}.json"
    hardware = hardware_of(design)
    where = ["--hardware", hardware, "--results", results]
    train = ["-m", "noisegrid", "train", campaign.study, "--replicates", f"{task}/0-{plan['count'] - 1}", *where]
    train += ["--datasets", campaign.work / "datasets", "--output", chunk, "--cores", min(plan["at_once"], _cores())]
    outcome = run_until(deadline, log, *train)
    if outcome != "finished":
        return outcome
    measure = ["-m", "noisegrid", "measure", design, "--task", task, "--chunks", chunk, *where]
    return run_until(deadline, log, *measure, "--output", campaign.work / "metrics" / f"{task}.csv")


def throughput(campaign: Campaign, deadline: float) -> str:
    """Measure the images per second of the whole training loop and of the bare step."""
    outcome = prepare(campaign, "throughput", deadline)
    for task in campaign.tasks("throughput"):
        if outcome != "finished":
            break
        script = ROOT / "benchmarks" / "training_loop.py"
        options = ["--hardware", campaign.plan["hardware"], "--rounds", campaign.plan["throughput"]["rounds"]]
        options += ["--datasets", campaign.work / "datasets", "--output", campaign.work / "throughput" / f"{task}.csv"]
        outcome = run_until(deadline, campaign.log("throughput"), script, task, *options)
    return outcome


def hardware_of(design: Path) -> str:
    """Return the hardware of a study that has one."""
    from noisegrid.study.design import read

    (hardware,) = read(design).hardware
    return str(hardware)


def _option(key: str, plan: Plan) -> list[str]:
    return [f"--{key.replace('_', '-')}", str(plan[key])]


def _cores() -> int:
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Part:
    """A part of the campaign. `run` takes the campaign and the deadline, and returns how the part ended."""

    name: str
    run: Callable[[Campaign, float], str]


#: In the order in which they run.
PARTS = tuple(Part(run.__name__, run) for run in (tests, overhead, replicates, throughput))
