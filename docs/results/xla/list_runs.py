"""Write runs.csv: the weight hash of every replicate, with the switches that decide in which order its kernels add up.

python list_runs.py two_cores=results/tiny_xla one_core=again/tiny_xla --output runs.csv
"""

import argparse
import json
from pathlib import Path

from noisegrid.common.files import csv_text, write_text

COLUMNS = ("run", "task", "noise", "replicate", "instruction_set", "threads", "accuracy_percent", "weight_hash")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", metavar="RUN=FOLDER", help="a name, and the folder of a study's results")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    rows = []
    for argument in options.folders:
        name, _, folder = argument.rpartition("=")
        for path in sorted(Path(folder).glob("replicates/*/*/*/*/record.json")):
            record = json.loads(path.read_text())
            cell, flags = record["cell"], record["flags"]
            rows.append(
                {
                    "run": name,
                    "task": cell["task"],
                    "noise": cell["noise"],
                    "replicate": record["replicate"],
                    "instruction_set": flags["xla"],
                    "threads": flags["threads"],
                    "weight_hash": record["weight_hash"],
                    "accuracy_percent": record["results"]["test_accuracy_percent"],
                }
            )
    write_text(options.output, csv_text(rows, COLUMNS, digits=6))


if __name__ == "__main__":
    main()
