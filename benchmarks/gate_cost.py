"""What `noisegrid gate` costs: core time and memory of whole commands, with Python's start.

    python benchmarks/gate_cost.py

Two files of ten numbers, and ten runs per side with a prediction for each of 50,000 examples of 100 classes: as .npz,
as ten CSV files per side, and as Parquet. Medians and ranges of five runs.
"""

import csv
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

RUNS, EXAMPLES, CLASSES, TIMES = 10, 50_000, 100, 5
#: Runs a command in a process of its own, and prints its core seconds and its peak memory in megabytes.
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
assert done.returncode in (0, 3, 4, 5), done.returncode
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)
"""


def numbers(path: Path, rng: np.random.Generator) -> Path:
    """Write ten numbers."""
    path = path.with_suffix(".csv")
    path.write_text("accuracy\n" + "".join(f"{value:.4f}\n" for value in rng.normal(93, 0.3, RUNS)))
    return path


def predictions(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels and the predictions (runs, examples), of which three quarters are correct."""
    label = np.random.default_rng(0).integers(0, CLASSES, EXAMPLES)
    wrong = rng.integers(0, CLASSES, (RUNS, EXAMPLES))
    return label, np.where(rng.random((RUNS, EXAMPLES)) < 0.75, label, wrong)


def npz(path: Path, rng: np.random.Generator) -> Path:
    """Write one file with the predictions of all runs."""
    label, predicted = predictions(rng)
    path = path.with_suffix(".npz")
    np.savez(path, label=label, predicted=predicted)
    return path


def columns(rng: np.random.Generator) -> Iterator[dict[str, np.ndarray]]:
    """Yield the columns of each run."""
    label, predicted = predictions(rng)
    for run in predicted:
        yield {"id": np.arange(EXAMPLES), "label": label, "predicted": run}


def csv_files(path: Path, rng: np.random.Generator) -> Path:
    """Write one CSV file for each run."""
    path.mkdir()
    for index, table in enumerate(columns(rng)):
        with (path / f"{index}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table)
            writer.writerows(zip(*(values.tolist() for values in table.values()), strict=True))
    return path


def parquet(path: Path, rng: np.random.Generator) -> Path:
    """Write one Parquet file for each run."""
    import pyarrow
    from pyarrow import parquet as format_

    path.mkdir()
    for index, table in enumerate(columns(rng)):
        format_.write_table(pyarrow.table(table), path / f"{index}.parquet")
    return path


def main() -> None:
    """Print the table."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("| read | core seconds | peak memory (MB) |\n| --- | --- | --- |")
    cases: dict[str, Callable[[Path, np.random.Generator], Path]] = {
        "two files of ten numbers": numbers,
        f"2 x {RUNS} runs x {EXAMPLES:,} examples, .npz": npz,
        "the same, CSV": csv_files,
        "the same, Parquet": parquet,
    }
    for name, write in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            sides = [
                write(Path(folder) / side, np.random.default_rng(seed)) for seed, side in enumerate(("base", "new"))
            ]
            command = [sys.executable, "-m", "noisegrid", "gate", *map(str, sides)]
            seconds, memory = zip(*(measured(command) for _ in range(TIMES)), strict=True)
            print(f"| {name} | {shown(seconds, 2)} | {shown(memory, 0)} |", flush=True)


def measured(command: list[str]) -> tuple[float, float]:
    """Return the core seconds and the peak memory of a command."""
    done = subprocess.run([sys.executable, "-c", MEASURE, *command], check=True, capture_output=True, text=True)
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def shown(values: tuple[float, ...], digits: int) -> str:
    """Return the median and the range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    main()
