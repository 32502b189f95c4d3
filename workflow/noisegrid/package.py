"""A study's results as one file that a stranger can check, redraw and rerun: `snakemake package`.

In it: the code of this working tree, the study with every setting spelt out, every record, predictions, metrics,
timings, tables, figures, report, what the images held. Weights only if asked for (config: package_weights). Made of
what is finished, also in the middle of a study, and the same bytes when made again from the same results.

Reads: the results folder. Writes: one zip, <results>/<study>/<study>.crate.zip.
Command: python -m noisegrid.package --config '{"study": ...}' --output STUDY.crate.zip
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from noisegrid import __version__, plan
from noisegrid.artifact import archive, crate
from noisegrid.artifact.opened import ABOUT, CHECKSUMS, METADATA, WEIGHTS
from noisegrid.documents import check
from noisegrid.errors import NoisegridError, exit_on_error
from noisegrid.files import sha256
from noisegrid.hardware import ROOT
from noisegrid.plan import Plan
from noisegrid.record import read_record
from noisegrid.sources import tree
from noisegrid.study import Cell

#: Of the working tree, what the workflow is made of; a site's own settings and generated files are not.
CODE = (
    *("Snakefile", "config.yaml", "pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "LICENSE", "CITATION.cff"),
    *("workflow", "envs", "containers", "profiles", "slurm", "docs", "tests", "benchmarks"),
)
PRIVATE = {"site.yaml", "__pycache__"}
#: Of a study's results folder: what its files are, and which of them. Logs, locks and checkpoints stay at home.
PARTS = {
    "replicates": ("replicates/*/*/*/[0-9]*/*",),
    "metrics and timings": ("batches/**/*.json", "cells/**/*.csv", "across/**/*.csv", "cost/**/*", "*.csv"),
    "tables, figures, report": ("tables/**/*", "figures/*", "findings.*", "report.html"),
}
README = """\
Results of the noisegrid study {study}
{line}

An RO-Crate (ro-crate-metadata.json) of the Workflow Run profile. To check every number in it, without a GPU and without
PyTorch, with noisegrid installed (code/README.md; nothing in this package is run):

    python -m noisegrid.verify {name}

Layout: code/ the workflow; study/ the design; results/{study}/ every replicate (record, predictions, history), metrics,
tables, figures, report; containers/ what the images held; noisegrid.json the design with every setting spelt out;
checksums.sha256 for `sha256sum -c`. Licence: Apache-2.0 (code/LICENSE).
"""


def files_of(found: Plan, weights: bool) -> dict[str, dict[str, Path]]:
    """What goes into the package besides what is written for it: part -> name in the package -> file."""
    results = Path(found.results)
    parts = {part: dict(_results(results, patterns, weights)) for part, patterns in PARTS.items()}
    code = {f"code/{path.relative_to(ROOT)}": path for path in _code()}
    images = Path(found.config["containers"])
    inspected = {f"containers/{path.name}": path for path in (images / f"{stack}.json" for stack in found.stacks)}
    return {"code": code, **parts, "images, as inspected": {n: path for n, path in inspected.items() if path.exists()}}


def _results(results: Path, patterns: tuple[str, ...], weights: bool) -> Iterator[tuple[str, Path]]:
    for pattern in patterns:
        for path in results.glob(pattern):
            hidden = any(part.startswith(".") for part in path.relative_to(results).parts)
            if path.is_file() and not hidden and (weights or path.name not in WEIGHTS):
                yield f"results/{results.name}/{path.relative_to(results)}", path


def _code() -> Iterator[Path]:
    for name in CODE:
        place = ROOT / name
        for path in [place] if place.is_file() else place.rglob("*"):
            parts = path.relative_to(ROOT).parts
            if path.is_file() and PRIVATE.isdisjoint(parts) and not any(part.startswith(".") for part in parts):
                yield path


def records_of(found: Plan) -> dict[Cell, list[dict[str, Any]]]:
    """The records of every cell's finished replicates, each checked."""
    place = Path(found.results) / "replicates"
    records = {
        cell: [
            read_record(folder)
            for folder in sorted((place / cell.path).glob("[0-9]*"), key=lambda folder: int(folder.name))
        ]
        for cell in found.study.cells
    }
    if not any(records.values()):
        raise NoisegridError(f"{place} holds no finished replicate yet; run `snakemake` first")
    return records


def about(found: Plan, records: dict[Cell, list[dict[str, Any]]], weights: bool) -> dict[str, Any]:
    """What the package says of itself, enough to check it without its code."""
    cells = [
        {"hardware": c.hardware, "task": c.task, "noise": c.noise, "replicates": c.replicates, "settings": c.settings}
        for c in found.study.cells
    ]
    document = {
        "format": 1,
        "noisegrid": __version__,
        "commit": tree()[0],
        "study": found.study.name,
        "matplotlib": version("matplotlib"),
        "seed": found.study.cells[0].settings["seed"],
        "weights": weights,
        "finished": all(Path(path).exists() for cell in records for path in _batches(found, cell)),
        "cells": cells,
        "timings": [timing.path for timing in found.study.timings if Path(_timing(found, timing.path)).exists()],
    }
    check(document, "package", "package")
    return document


def _batches(found: Plan, cell: Cell) -> list[str]:
    return found.batch_files(cell.hardware, cell.task)


def _timing(found: Plan, path: str) -> str:
    return f"{found.results}/cost/{path}.csv"


def write_package(found: Plan, output: Path, weights: bool) -> dict[str, tuple[int, int]]:
    """Write the package; returns how many files and bytes each part has."""
    records = records_of(found)
    parts = files_of(found, weights)
    document = about(found, records, weights)
    with tempfile.TemporaryDirectory() as folder:
        written = {
            ABOUT: json.dumps(document, indent=1, sort_keys=True) + "\n",
            "README.md": README.format(study=document["study"], line="=" * 40, name=output.name),
            "study/study.yaml": found.study.source.read_text(),
            "study/config.json": json.dumps(found.config, indent=1, sort_keys=True) + "\n",
        }
        made = {name: _write(Path(folder) / name, text) for name, text in written.items()}
        files = {**made, **{name: path for part in parts.values() for name, path in part.items()}}
        contents = crate.Contents(
            found.study, files, f"results/{document['study']}/", records, bool(document["finished"])
        )
        made[METADATA] = _write(Path(folder) / METADATA, crate.metadata(contents))
        files |= made
        sums = "".join(f"{sha256(path)}  {name}\n" for name, path in sorted(files.items()))
        made[CHECKSUMS] = _write(Path(folder) / CHECKSUMS, sums)
        archive.write(files | made, output)
        parts["design and description"] = made
        return {
            part: (len(entries), sum(path.stat().st_size for path in entries.values()))
            for part, entries in parts.items()
            if entries
        }


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.package", description=__doc__)
    parser.add_argument("--config", required=True, help="the workflow's config, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="the zip to write")
    options = parser.parse_args()
    found = plan.make(json.loads(options.config))
    sizes = write_package(found, options.output, found.config["package_weights"])
    width = max(map(len, sizes))
    for part, (count, size) in sizes.items():
        print(f"{part:{width}}  {count:6,} files  {size / 1e6:10.2f} MB")
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.2f} MB, SHA-256 {sha256(options.output)}")


if __name__ == "__main__":
    exit_on_error(main)
