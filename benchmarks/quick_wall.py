"""Where the wall time of the quick study goes. Runs it from nothing (in a temporary folder) and reads its own records.

    python benchmarks/quick_wall.py

Prints one Markdown row: wall seconds, share of core time that was training, and where the rest went. Core time is wall
time times the cores in use; a replicate's training counts as many cores as it has threads.
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = ["snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
        subprocess.run([*command, "--workflow-profile", ROOT / "profiles/default"], check=True, capture_output=True)
        wall = time.perf_counter() - began
        records = [json.loads(p.read_text()) for p in Path(folder).glob("results/quick/replicates/*/*/*/*/record.json")]
    cores = len(os.sched_getaffinity(0))
    training = sum(r["timings"]["training_s"] * r["flags"]["threads"] for r in records)
    around = sum((r["timings"]["total_s"] - r["timings"]["training_s"]) * r["flags"]["threads"] for r in records)
    versions = f"torch {records[0]['software']['torch']}, Python {records[0]['software']['python']}"
    print(
        f"| {time.strftime('%Y-%m-%d')} | {records[0]['device']['model']}, {cores} cores | {versions} | {len(records)} "
        f"| {wall:.0f} | {training / (wall * cores):.0%} | {around / (wall * cores):.0%} |"
    )


if __name__ == "__main__":
    main()
