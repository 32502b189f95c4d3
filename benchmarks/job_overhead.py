"""What a job costs besides training, one replicate per job and packed, locally and on SLURM, in turn.

    python benchmarks/job_overhead.py [--jobcomp FILE] [--rounds N]

Jobs run one after the other. With --jobcomp (SLURM's JobCompLoc, jobcomp/filetxt; its commands on the PATH) on SLURM as
well: `held` is then what SLURM has on record of each job, start to end, which is what a GPU would be taken for.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
REPLICATES = 6
STUDY = {
    "name": "overhead",
    "seed": 1,
    "cells": [{"hardware": ["cpu"], "tasks": ["smallcnn-digits"], "noise": ["algo"], "replicates": REPLICATES}],
}


def ended(jobcomp: Path) -> list[dict[str, str]]:
    """SLURM's lines of ended jobs."""
    lines = jobcomp.read_text().splitlines() if jobcomp.exists() else []
    return [dict(field.split("=", 1) for field in line.split() if "=" in field) for line in lines]


def held_s(job: dict[str, str]) -> float:
    """How long a job had its node, to the second."""
    return (datetime.fromisoformat(job["EndTime"]) - datetime.fromisoformat(job["StartTime"])).total_seconds()


def once(per_job: int, profile: list[str], jobcomp: Path | None) -> dict[str, float]:
    """One call from prepared data to trained replicates: seconds of wall, of training, and of nodes held."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        (Path(folder) / "overhead.yaml").write_text(yaml.safe_dump(STUDY))
        names = [f"{first}-{first + per_job - 1}" for first in range(0, REPLICATES, per_job)]
        targets = [f"results/overhead/chunks/cpu/smallcnn-digits/{name}.json" for name in names]
        command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", folder, *profile]
        command += ["--workflow-profile", str(ROOT / "profiles/default")]
        config = ["--config", f"study={folder}/overhead.yaml", f"replicates_per_job={per_job}"]
        subprocess.run([*command, "resources/datasets/digits/manifest.json", *config], check=True, capture_output=True)
        before = len(ended(jobcomp)) if jobcomp else 0
        began = time.perf_counter()
        subprocess.run([*command, *targets, *config], check=True, capture_output=True)
        wall = time.perf_counter() - began
        records = [json.loads(path.read_text()) for path in Path(folder).rglob("record.json")]
    training = sum(record["timings"]["training_s"] for record in records)
    held = sum(map(held_s, ended(jobcomp)[before:])) if jobcomp else wall
    return {"wall": wall, "training": training, "held": held, "jobs": len(targets)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobcomp", type=Path, help="SLURM's record of ended jobs")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    executors = {"local": (["--cores", "1"], None)}
    if options.jobcomp:
        executors["SLURM"] = (["--profile", str(ROOT / "slurm"), "--jobs", "1"], options.jobcomp)
    rounds: dict[tuple[str, int], list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for name, (profile, jobcomp) in executors.items():
            for per_job in (1, REPLICATES):
                rounds.setdefault((name, per_job), []).append(once(per_job, profile, jobcomp))
    for (name, per_job), found in rounds.items():
        besides = [(one["held"] - one["training"]) for one in found]
        jobs = found[0]["jobs"]
        print(
            f"| {name} | {per_job} | {jobs:.0f} | {len(found)} | {statistics.median(one['wall'] for one in found):.1f} "
            f"| {statistics.median(one['training'] for one in found):.1f} "
            f"| {statistics.median(besides) / jobs:.1f} ({min(besides) / jobs:.1f} to {max(besides) / jobs:.1f}) "
            f"| {statistics.median(besides) / REPLICATES:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
