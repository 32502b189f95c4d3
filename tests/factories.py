"""What tests are given: studies, packages, and metrics made by hand."""

import itertools
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from conftest import snakemake

from noisegrid.common import versions
from noisegrid.common.files import sha256
from noisegrid.common.provenance import code_digests
from noisegrid.crate import archive
from noisegrid.crate.crate import CHECKSUMS, METADATA
from noisegrid.measuring.rows import COLUMNS
from noisegrid.records import record
from noisegrid.study.sources import CROSSED, FREE, NAMES, holds_seeds
from noisegrid.study.study import Cell, digest

# --- studies ---------------------------------------------------------------------------------------------------------


def cells(
    task: str = "smallcnn-digits", *noise: str, hardware: str = "cpu", replicates: int = 2, **more: object
) -> dict:
    """Return a block of cells of one task; the noise is algo and control unless given."""
    names = {"hardware": [hardware], "tasks": [task], "noise": [*noise] or ["algo", "control"]}
    return names | {"replicates": replicates, **more}


def study(*blocks: dict, name: str = "mine", **keys: object) -> dict:
    """Return the document of a study with these blocks of cells, or one block of the smallest task."""
    return {"name": name, "seed": 1, "cells": [*blocks] or [cells()], **keys}


def write_study(folder: Path, document: dict) -> Path:
    """Write a study into a file of its name (`mine.yaml`), and return the path."""
    path = folder / f"{document['name']}.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


# --- packages --------------------------------------------------------------------------------------------------------

#: The study of the package: two cells and one timed network.
PAIR = study(
    cells("short-digits", replicates=3),
    name="pair",
    overhead=[
        {
            "hardware": ["cpu"],
            "networks": ["smallcnn"],
            "arms": ["default", "deterministic"],
            "size": 16,
            "batch_size": 2,
            "processes": 2,
            "blocks": 3,
            "steps": 2,
        }
    ],
    tasks={"short-digits": {"like": "smallcnn-digits", "epochs": 1, "schedule": []}},
)
RESULTS = "results/pair/"
ALGO = f"{RESULTS}replicates/cpu/short-digits/algo/"


def packed(folder: Path, seed: int = 1) -> Path:
    """Run the study PAIR in a folder and package it, in one call."""
    path = write_study(folder, PAIR | {"seed": seed})
    done = snakemake(folder, "all", "package", study=path.name)
    assert done.returncode == 0, done.stdout
    assert "Results are in results/pair: " in done.stdout and "metrics.csv, pair.crate.zip" in done.stdout, done.stdout
    assert re.search(r"^replicates +18 files +\d+\.\d\d MB$", done.stdout, re.M), done.stdout
    return folder / "results/pair/pair.crate.zip"


def forged(package: Path, place: Path, edit: Callable[[Path], object]) -> Path:
    """The package with its files edited, and every checksum made to fit again: what a careful forger would do."""
    folder = place / "forged"
    archive.unpack(package, folder)
    edit(folder)
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    document = json.loads(files[METADATA].read_text())
    for entity in document["@graph"]:
        if "sha256" in entity and (path := files.get(entity["@id"])):
            entity["sha256"], entity["contentSize"] = sha256(path), str(path.stat().st_size)
    files[METADATA].write_text(json.dumps(document))
    sums = [f"{sha256(path)}  {name}\n" for name, path in files.items() if name != CHECKSUMS]
    files[CHECKSUMS].write_text("".join(sums))
    archive.write(files, place / "forged.zip")
    return place / "forged.zip"


def rewrite_record(folder: Path, change: Callable[[dict], object]) -> None:
    """Edit a record, and make its own checksums fit."""
    path = folder / "record.json"
    document = json.loads(path.read_text())
    change(document)
    for name in document["files"]:
        if (folder / name).exists():
            document["files"][name] = record._fingerprint(folder / name)
    document.pop("record_digest")
    document["record_digest"] = digest(document)
    path.write_text(json.dumps(document, indent=1) + "\n")


# --- replicates ------------------------------------------------------------------------------------------------------


def record_of(cell: Cell, number: int = 0) -> dict:
    """Return a record of a replicate that was never trained, without the checksums that `record.write` adds."""
    return {
        "format": versions.RECORD,
        "noisegrid": "0",
        "cell": {key: getattr(cell, key) for key in ("study", "hardware", "task", "noise")},
        "replicate": number,
        "settings": cell.settings,
        "settings_digest": cell.digest,
        "seeds": {"init": 1},
        "flags": {"threads": 1},
        "device": {"kind": "cpu", "model": "a", "host_cpu": "a", "host_cores": 1},
        "software": {"python": "3", "torch": "2", "numpy": "2", "environment": "0" * 16, "packages": {}},
        "code": {
            "git_commit": None,
            "git_dirty": None,
            "wheel_digest": None,
            **code_digests(cell.settings["task"]["build"]),
        },
        "container": None,
        "dataset": {"name": "digits", "digest": "0" * 16},
        "started": "2026-01-01T00:00:00+00:00",
        "timings": {"training_s": 1.0, "total_s": 2.0},
        "initial_weight_hash": "0" * 64,
        "weight_hash": "0" * 64,
        "results": {"test_accuracy_percent": 50.0, "train_loss": 1.0},
        "layout": [{"name": "w", "shape": [3], "kind": "parameter", "start": 0}],
    }


def replicate(results: Path, cell: Cell, number: int, label: Sequence, predicted: Sequence) -> Path:
    """Write a replicate that made these predictions, and return its folder."""
    arrays = {
        "example_id": np.arange(len(label), dtype=np.int32),
        "label": np.array(label, np.int32),
        "predicted": np.array(predicted, np.int16),
        "midpoint_predicted": np.array(predicted, np.int16),
    }
    folder = record.replicate_folder(results, cell, number)
    record.write(folder, record_of(cell, number), arrays, {}, [{"epoch": 0}])
    return folder


# --- metrics ---------------------------------------------------------------------------------------------------------

CLASSES = 3
METRICS = (
    ("accuracy_mean", "percent"), ("accuracy_std", "percentage points"), ("churn", "percent"), ("l2_unit", "1"),
    ("unequal_weights", "count"),
    ("l2_raw", "1"), ("l2_raw_buffers", "1"), ("logit_correlation", "1"), ("calibration_error", "percent"),
    ("reference_accuracy_std", "percentage points"), ("reference_agreement_midpoint", "percent"),
    ("reference_l2_midpoint", "1"), ("class_std_ratio_max", "1"), ("replicates_diverged", "count"),
    ("replicates_failed", "count"), ("class_std_over_null_max", "1"), ("classes_above_null", "count"),
    ("classes_above_null_fdr", "count"),
)  # fmt: skip


def metrics_frame(
    tasks: tuple[str, ...] = ("net-data",),
    noise: tuple[str, ...] = ("algo_impl", "algo", "impl", "control"),
    seed_sets: int = 5,
) -> pd.DataFrame:
    """Return metrics of cells on the hardware `cpu`, as `load_metrics` gives them.

    The values of a cell are consecutive integers from a thousand times its number on; low is 0.25 less, high 0.5 more.
    In the control cell everything is 0. `seed_sets` is the number of seed sets of the cells that hold seeds.
    """
    rows = []
    for number, (task, name) in enumerate(itertools.product(tasks, noise), 1):
        common = {
            "study": "s",
            "hardware": "cpu",
            "task": task,
            "noise": name,
            "interval": "t over runs",
            "n_replicates": 10,
            "seed_sets": seed_sets if holds_seeds(name) else 1,
            "note": "",
            "n_pairs": 45,
            "n_examples": 200,
            "device": "a processor",
            "versions": "torch 9",
            "schema": versions.METRICS,
            "without_batch_norm": task.replace("_bn", "") if "_bn" in task else "",
        }
        per_class = [
            (metric, f"class {k}") for metric in ("class_accuracy_std", "class_std_ratio") for k in range(CLASSES)
        ]
        named = [(metric, unit, "all") for metric, unit in METRICS] + [
            (metric, "1", group) for metric, group in per_class
        ]
        for place, (metric, unit, group) in enumerate(named):
            value = 0.0 if name == "control" else 1000.0 * number + place
            ends = {"value": value, "low": value and value - 0.25, "high": value and value + 0.5}
            null = {"null_low": value - 2, "null_median": value - 1.5, "null_high": value - 1}
            rows.append(common | ends | null | {"metric": metric, "unit": unit, "group": group})
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.assign(noise=pd.Categorical(frame["noise"], list(FREE), ordered=True))


def crossed_frame(shares: dict[str, float], alone: dict[str, float], churn: float = 8.0) -> pd.DataFrame:
    """Return metrics of one crossed cell with these shares in percent, by source and interaction, for both outcomes."""
    first = metrics_frame(noise=("algo",)).iloc[:1]
    values = [("crossed_churn", "all", churn), ("crossed_std", "all", 1.0)]
    for outcome in ("predictions", "accuracy"):
        values += [(f"component_{outcome}", group, value) for group, value in shares.items()]
        values += [(f"component_{outcome}_alone", group, value) for group, value in alone.items()]
    rows = [
        first.assign(metric=metric, group=group, value=value, low=0.0, high=90.0, null_low=None, null_high=None)
        for metric, group, value in values
    ]
    frame = pd.concat(rows, ignore_index=True).assign(
        noise=pd.Categorical([CROSSED] * len(rows), list(NAMES), ordered=True)
    )
    return frame.assign(note=["negative estimate, shown as 0" if value < 0 else "" for value in frame["value"]])


def value_of(frame: pd.DataFrame, noise: str, metric: str, end: str = "value", group: str = "all") -> float:
    """Return one number of the first task of such a frame."""
    here = (frame["noise"] == noise) & (frame["metric"] == metric) & (frame["group"] == group)
    return float(frame.loc[here, end].iloc[0])
