"""How long `snakemake -n` takes, and how much memory, for studies of 100 to 50,000 replicates.

    python benchmarks/plan_scale.py

A study of k tasks x 8 noise sources x 50 replicates; jobs train 10 replicates of every noise source of a task.
"""

import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
NOISE = ["algo_impl", "algo", "impl", "control", "init", "order", "augment", "one_ulp"]


def study(replicates: int) -> dict[str, object]:
    tasks = {f"t{k}-digits": {"like": "smallcnn-digits"} for k in range(max(1, replicates // (50 * len(NOISE))))}
    per_cell = replicates // (len(tasks) * len(NOISE))
    block = {"hardware": ["cpu"], "tasks": list(tasks), "noise": NOISE, "replicates": per_cell}
    return {"name": "scale", "seed": 1, "cells": [block], "tasks": tasks}


def main() -> None:
    for replicates in (100, 1_000, 10_000, 50_000):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scale.yaml"
            path.write_text(yaml.safe_dump(study(replicates)))
            command = ["snakemake", "-n", "--snakefile", ROOT / "Snakefile", "--directory", folder]
            command += ["--workflow-profile", ROOT / "profiles/default", "--config", f"study={path}"]
            began = time.perf_counter()
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds = time.perf_counter() - began
        jobs = re.findall(r"^(train_replicates|measure_cell|total) +(\d+)", done.stdout + done.stderr, re.M)
        counts = dict(jobs)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # the largest so far: sizes grow
        print(
            f"| {replicates:,} | {counts['train_replicates']} | {counts['measure_cell']} | {counts['total']} "
            f"| {seconds:.1f} | {peak:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
