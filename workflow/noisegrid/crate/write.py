"""Write a study's results as a crate, from which anyone can check them, redraw the figures and repeat the training.

A crate contains the code of the workflow (without its tests, and without the results of other studies), the study with
every setting, all records, predictions, metrics, timed blocks, tables and figures, the report, and descriptions of the
contents of the container images. It contains weights only if `package_weights: true` is set in the config. A crate can
also be written before the study is finished; it then contains the results that exist so far. The same results, code and
config always produce a byte-identical file.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from noisegrid import __version__
from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import checksum_file, sha256, write_text
from noisegrid.common.provenance import tree
from noisegrid.common.schemas import IN_WORKING_TREE, PACKAGE, ROOT, check
from noisegrid.crate import archive, metadata
from noisegrid.crate.crate import ABOUT, CHECKSUMS, METADATA, README, readme
from noisegrid.planning.plan import Plan
from noisegrid.records.record import WEIGHTS, read_record, replicate_folder
from noisegrid.reporting.registry import FIGURE_SUFFIXES
from noisegrid.study.study import Cell

#: The records of the finished replicates of each cell, in the order of their numbers.
Records = dict[Cell, list[dict[str, Any]]]
#: Files and folders of the working tree that go into a crate as the code of the workflow: what it takes to install and
#: run it, and the pages that explain it. Tests, benchmarks and the results of other studies stay out.
CODE = (
    *("Snakefile", "config.yaml", "pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "LICENSE", "CITATION.cff"),
    *("workflow", "envs", "containers", "profiles", "slurm", "docs"),
)
#: Parts of these folders that are left out: measured results, the settings of a site, and generated files.
LEFT_OUT = ("docs/results",)
PRIVATE = {"site.yaml", "__pycache__", "noisegrid.egg-info"}


def files_of(found: Plan, records: Records, weights: bool, finished: bool) -> dict[str, dict[str, Path]]:
    """Return the files from the working tree and the results folder that go into the crate.

    Parameters
    ----------
    found : Plan
        The plan of the study.
    records : dict
        The records of the finished replicates of each cell.
    weights : bool
        Whether weights go into the crate.
    finished : bool
        Whether the study is finished. For an unfinished study, derived files (such as metrics, tables and figures)
        are left out if they are older than the newest chunk file.

    Returns
    -------
    dict
        Part of the crate -> (name in the crate -> path of the file on disk).
    """
    derived = _derived(found) if finished else _fresh(found)
    parts = {
        "code": {f"code/{name}": path for name, path in code_files().items()},
        "replicates": _named(found, _replicates(found, records, weights)),
        "chunks": _named(found, [path for path in _chunks(found) if path.exists()]),
        "timed_networks": _named(found, _with_checksums(path for path in _timings(found) if path.exists())),
        "metrics": _named(found, _with_checksums(path for path in derived if path in _metrics(found))),
    }
    taken = {path for part in parts.values() for path in part.values()}
    parts["tables, figures, report"] = _named(found, [path for path in derived if path not in taken])
    images = (Path(found.config["containers"]) / f"{stack}.json" for stack in found.images.stacks)
    return parts | {"container images": {f"containers/{path.name}": path for path in images if path.exists()}}


def is_finished(found: Plan) -> bool:
    """Return whether all chunk files, timed blocks and derived files of the study exist."""
    return all(path.exists() for path in [*_chunks(found), *_timings(found), *_derived(found)])


def _named(found: Plan, paths: Iterable[Path]) -> dict[str, Path]:
    results = Path(found.paths.folder)
    return {f"results/{results.name}/{path.relative_to(results)}": path for path in paths}


def _replicates(found: Plan, records: Records, weights: bool) -> Iterator[Path]:
    for cell, of_cell in records.items():
        for folder, record in zip(_finished(found, cell), of_cell, strict=True):
            names = ("record.json", *record["files"])
            yield from (folder / name for name in names if weights or name not in WEIGHTS)


def _finished(found: Plan, cell: Cell) -> list[Path]:
    """Return the folders of a cell's finished replicates, sorted by replicate number."""
    folders = [replicate_folder(Path(found.config["results"]), cell, number) for number in range(cell.replicates)]
    return [folder for folder in folders if (folder / "record.json").exists()]


def _chunks(found: Plan) -> list[Path]:
    hardware = found.study.values("hardware")
    return [Path(found.paths.chunk(name, chunk.name)) for name in hardware for chunk in found.packing.chunks(name)]


def _timings(found: Plan) -> list[Path]:
    timed = found.study.timed_networks
    return [Path(found.paths.timed(one.path, suffix)) for one in timed for suffix in ("csv", "json")]


def _metrics(found: Plan) -> list[Path]:
    paths = [*found.metrics_files(), *found.across_files(), *found.versus_files(), found.paths.metrics, *found.overhead]
    return [Path(path) for path in paths]


def _with_checksums(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield each file and, if it has one, the file with its checksum, so that an unpacked crate can be drawn from."""
    for path in paths:
        yield path
        if checksum_file(path).exists():
            yield checksum_file(path)


def _derived(found: Plan) -> list[Path]:
    """Return the paths of all files derived from chunks and timed blocks, such as metrics, tables and the report."""
    paths = found.paths
    tables = [file for suffix in ("csv", "md", "tex", "html") for file in found.table_files(suffix)]
    pages = [paths.cell_page(*names) for names in found.study.tasks]
    figures = [paths.figure(figure, suffix) for figure in found.figures for suffix in FIGURE_SUFFIXES]
    words = [paths.findings(suffix) for suffix in ("md", "html", "rst")]
    inference = found.inference_files("json", "txt", "png")
    reports = [paths.report, paths.provenance]
    return _metrics(found) + [Path(file) for file in (*tables, *pages, *figures, *words, *inference, *reports)]


def _fresh(found: Plan) -> list[Path]:
    """Return the derived files of an unfinished study that exist and are not older than its newest chunk file."""
    newest = max((chunk.stat().st_mtime for chunk in _chunks(found) if chunk.exists()), default=0.0)
    return [path for path in _derived(found) if path.exists() and path.stat().st_mtime >= newest]


def code_files() -> dict[str, Path]:
    """Return the files of the workflow, keyed by their path in the working tree.

    If noisegrid was installed from a wheel, these are the files that the wheel contains.
    """
    found = {name: path for top in CODE for name, path in _below(ROOT / top, ROOT)}
    if not IN_WORKING_TREE:
        modules = _below(PACKAGE, PACKAGE.parent)
        found |= {f"workflow/{name}": path for name, path in modules if not path.is_relative_to(ROOT)}
    return found


def _below(place: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the path of each file in a folder, relative to `root` and as it is; yield a file itself if it is given."""
    for path in [place] if place.is_file() else place.rglob("*"):
        relative = path.relative_to(root)
        if not path.is_file() or any(relative.is_relative_to(name) for name in LEFT_OUT):
            continue
        if PRIVATE.isdisjoint(relative.parts) and not any(part.startswith(".") for part in relative.parts):
            yield relative.as_posix(), path


def records_of(found: Plan) -> Records:
    """Read, check and return the records of the finished replicates of each cell.

    Raises
    ------
    NoisegridError
        If a record is damaged, or if no replicate is finished.
    """
    records = {cell: [read_record(folder) for folder in _finished(found, cell)] for cell in found.study.cells}
    if not any(records.values()):
        raise NoisegridError(f"{found.paths.folder}/replicates has no finished replicate yet; run `snakemake` first")
    return records


def about(found: Plan, weights: bool, finished: bool) -> dict[str, Any]:
    """Return the content of noisegrid.json: the design, so that a crate can be checked without running its code."""
    cells = [{key: value for key, value in asdict(c).items() if key != "study"} for c in found.study.cells]
    document = {
        "format": versions.CRATE,
        "noisegrid": __version__,
        "commit": tree()[0],
        "matplotlib": version("matplotlib"),
        "study": found.study.name,
        "description": found.study.description.strip(),
        "seed": found.study.cells[0].settings["seed"],
        "weights": weights,
        "finished": finished,
        "cells": cells,
        "timed_networks": [timing.path for timing in found.study.timed_networks],
        **({"versus": [asdict(one) for one in found.study.versus]} if found.study.versus else {}),
        **({"inference": [one.cell for one in found.study.inference]} if found.study.inference else {}),
    }
    check(document, "crate", "noisegrid.json")
    return document


def write_package(found: Plan, output: Path, weights: bool) -> dict[str, tuple[int, int]]:
    """Write the crate of a study, and return the number of files and the size of each part.

    Parameters
    ----------
    found : Plan
        The plan of the study.
    output : Path
        The zip to write.
    weights : bool
        Whether weights go into the crate.

    Returns
    -------
    dict of str to tuple of int
        Part of the crate -> (number of files, total size in bytes).

    Raises
    ------
    NoisegridError
        If a record is damaged, or if no replicate is finished.
    """
    records, finished = records_of(found), is_finished(found)
    parts, document = files_of(found, records, weights, finished), about(found, weights, finished)
    with tempfile.TemporaryDirectory() as folder:
        written = {
            ABOUT: json.dumps(document, indent=1, sort_keys=True) + "\n",
            "study/study.yaml": found.study.source.read_text(),
            "study/config.json": json.dumps(found.config, indent=1, sort_keys=True) + "\n",
        }
        packed = {name: path for part in parts.values() for name, path in part.items()}
        written[README] = readme(document, [*written, *packed])
        made = {name: _write(Path(folder) / name, text) for name, text in written.items()}
        files = {**made, **packed}
        made[METADATA] = _write(Path(folder) / METADATA, metadata.metadata(metadata.Contents(document, files, records)))
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
    write_text(path, text)
    return path
