"""Where the time of the quick study goes. Runs it from nothing (in a temporary folder) and reads its own records.

    python benchmarks/quick_wall.py [SNAKEFILE]

Prints one Markdown row: core-seconds of all processes together, wall seconds, the share of the core-seconds that
training loops took, and the share of what a replicate does around its loop (initial weights, evaluation, writing). A
replicate's loop counts as many cores as it has threads. Another SNAKEFILE measures another version of this project.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    snakefile = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "Snakefile").resolve()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = ["snakemake", "--snakefile", snakefile, "--directory", folder]
        profile = snakefile.parent / "profiles/default"
        subprocess.run([*command, "--workflow-profile", profile], check=True, capture_output=True)
        wall = time.perf_counter() - began
        records = [json.loads(p.read_text()) for p in Path(folder).glob("results/quick/replicates/*/*/*/*/record.json")]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = used.ru_utime + used.ru_stime
    training = sum(r["timings"]["training_s"] * r["flags"]["threads"] for r in records)
    around = sum((r["timings"]["total_s"] - r["timings"]["training_s"]) * r["flags"]["threads"] for r in records)
    versions = f"torch {records[0]['software']['torch']}, Python {records[0]['software']['python']}"
    cores = len(os.sched_getaffinity(0))
    print(
        f"| {time.strftime('%Y-%m-%d')} | {records[0]['device']['model']}, {cores} cores | {versions} | {len(records)} "
        f"| {total:.0f} | {wall:.0f} | {training / total:.0%} | {around / total:.0%} |"
    )


if __name__ == "__main__":
    main()
