"""Check the metrics of a crate by computing them again from the predictions and weights in the crate."""

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError
from noisegrid.crate.crate import ABSENT, Crate
from noisegrid.crate.csv_differences import differences
from noisegrid.crate.limits import (
    CELL_CLASSES,
    CELL_LABELS,
    CLASSES,
    KEPT_BYTES,
    REPLICATES,
    ROWS,
    check_count,
    check_size,
)
from noisegrid.crate.predictions import checked
from noisegrid.measuring import across_hardware, versus
from noisegrid.measuring.cell import measure
from noisegrid.measuring.replicates import check_together
from noisegrid.measuring.rows import csv_of
from noisegrid.records.belonging import check_belongs
from noisegrid.records.record import Replicate, read, replicate_folder
from noisegrid.study.study import Cell, Versus, repeated

KEYS = ("hardware", "task", "noise", "metric", "group")
#: The kinds of L2 distance between weights, and the metrics that require the weights. Most crates omit the weights.
READINGS = ("raw", "unit", "raw_buffers", "unit_buffers")
NEED_WEIGHTS = {f"l2_{reading}{ending}" for reading in READINGS for ending in ("", "_between_seed_sets")}
NEED_WEIGHTS |= {"reference_l2_midpoint", "l2_unit_across_hardware"}
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Part:
    """The rows of one cell, or of one comparison of cells, as they were computed again.

    Attributes
    ----------
    hardware, noise : str
        The values of these columns in the rows.
    rows : list of dict
        The rows; empty if they cannot be computed.
    replicates : list of Replicate
        The replicates from which the rows were computed.
    error : Exception or None
        Why the rows cannot be computed.
    """

    hardware: str
    noise: str
    rows: Rows
    replicates: list[Replicate]
    error: Exception | None = None


def recount(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check the metrics of all cells and all comparisons by computing them again."""
    files, rows, excused = 0, 0, 0
    missing, need_weights = set[str](), set[str]()
    wrong: list[str] = []
    # of a metric that any file has, every cell must have its rows
    present = set() if crate.has_code_of_here else _metrics_of(path for path in crate.metrics_files if path.is_file())
    for path, parts in _again(crate):
        name = str(path.relative_to(crate.results))
        if not path.is_file():
            wrong += [f"{name} is missing"] if crate.about["finished"] else []
            continue
        files += 1
        wrong += [
            f"{name}: the rows of {part.noise} cannot be computed again: {crate.words(part.error)}"
            for part in parts
            if part.error
        ]
        again, excuse = [row for part in parts for row in part.rows], Excuse(parts)
        stated = path.read_text()
        if not crate.has_code_of_here:
            added = {str(row["metric"]) for row in again} - present
            missing |= added
            again = [row for row in again if row["metric"] not in added]
        rows += len(again)
        wrong += differences(stated, csv_of(again), KEYS, name, excuse)
        excused += excuse.count
        need_weights |= excuse.metrics
    text = f"{rows:,} rows of {files} files computed again" if files else ABSENT
    if missing:
        crate.unconfirmed.append("some metrics")
        crate.note(
            f"the crate was written by other code and lacks metrics that the code installed here computes: "
            f"{', '.join(sorted(missing))}"
        )
    if excused:
        text += f"; {excused} rows were not, because they require the weights, which the crate leaves out"
        crate.note(f"not computed again, because the crate leaves out the weights: {', '.join(sorted(need_weights))}")
    return text, iter(wrong)


def _metrics_of(files: Iterable[Path]) -> set[str]:
    """Return the metrics of which any of some metrics files has a row."""
    return {str(row.get("metric")) for path in files for row in csv.DictReader(io.StringIO(path.read_text()))}


class Excuse:
    """A test that accepts the rows that cannot be computed again because the crate leaves out the weights.

    Parameters
    ----------
    parts : list of Part
        The rows of a metrics file that were computed again.

    Attributes
    ----------
    count : int
        The number of rows accepted so far.
    metrics : set of str
        Their metrics.
    """

    def __init__(self, parts: list[Part]) -> None:
        self.parts = {(part.hardware, part.noise): part for part in parts}
        self.count = 0
        self.metrics = set[str]()

    def __call__(self, row: dict[str, str]) -> bool:
        """Return whether to accept a row of a metrics file.

        A row is accepted if its metric requires the weights, if its number of replicates, device and versions equal
        those of the other rows of its cell, and if its value is possible. All rows of a cell that cannot be computed
        again are accepted, because this was reported already.
        """
        part = self.parts.get((row["hardware"], row["noise"]))
        if part is None or part.error:
            return part is not None
        common = part.rows[0] if part.rows else {}
        excused = (
            row["metric"] in NEED_WEIGHTS - {other["metric"] for other in part.rows}
            and row["group"] == "all"
            and all(
                escape.spreadsheet(str(common.get(key))) == row.get(key)
                for key in ("n_replicates", "device", "versions")
            )
            and _possible(row["metric"], float(row["value"]), part.replicates)
        )
        if excused:
            self.count += 1
            self.metrics.add(row["metric"])
        return excused


def _possible(metric: str, value: float, replicates: list[Replicate]) -> bool:
    """Return whether the value of a metric of the weights is possible.

    L2 is the mean distance within seed sets. If all weights of a seed set are equal, in each set, it must be 0.
    Otherwise, `l2_raw_buffers` must be above 0. The other metrics compare replicates of all sets: if all weights are
    equal, they must be 0, else they may have any value.
    """
    sets = dict[int, set[str]]()
    for replicate in replicates:
        record = replicate.record
        sets.setdefault(record["replicate"] % record["settings"].get("seed_sets", 1), set()).add(record["weight_hash"])
    if metric.startswith("l2_") and not metric.endswith(("_between_seed_sets", "_across_hardware")):
        equal = all(len(hashes) == 1 for hashes in sets.values())
        return value == 0 if equal else value > 0 or metric != "l2_raw_buffers"
    return value == 0 or len(set().union(*sets.values())) > 1


def _again(crate: Crate) -> Iterator[tuple[Path, list[Part]]]:
    """Compute each metrics file of the crate again. Yield its path, and its rows by cell or by comparison."""
    loaded = dict[Cell, list[Replicate]]()
    for (hardware, task), cells in crate.tasks.items():
        path = Path(crate.paths.task_metrics(hardware, task))
        parts = list[Part]()
        for cell in cells:
            parts.append(_measured(crate, cell, loaded))
            check_count(f"{path.relative_to(crate.folder)}: rows", sum(len(part.rows) for part in parts), ROWS)
        yield path, parts
    for task in dict.fromkeys(cell.task for cell in crate.cells):
        parts = []
        for cells in repeated(crate.cells, task):
            found = [(cell, loaded[cell]) for cell in cells if cell in loaded]
            for first, second in itertools.combinations(found, 2):
                rows = list(across_hardware.compare(first, second))
                names = across_hardware.name_of(first[0], second[0])
                parts.append(Part(names, first[0].noise, rows, [*first[1], *second[1]]))
        if parts:
            yield Path(crate.paths.across(task)), parts
    if crate.versus:
        yield Path(crate.paths.versus), [part for one in crate.versus for part in _compared(one, loaded)]


def _compared(one: Versus, loaded: dict[Cell, list[Replicate]]) -> Iterator[Part]:
    """Yield the rows that compare two methods; nothing if one of their cells cannot be measured."""
    by_path = {cell.path: (cell, replicates) for cell, replicates in loaded.items()}
    paths = [f"{one.hardware}/{task}/{one.noise}" for task in (one.a, one.b)]
    if not all(path in by_path for path in paths):
        return
    first, second = (by_path[path] for path in paths)
    replicates = [*first[1], *second[1]]
    try:
        yield Part(one.hardware, one.noise, list(versus.compare(one, first, second)), replicates)
    except Exception as error:  # a crate may contain anything
        yield Part(one.hardware, one.noise, [], [], error)


def _measured(crate: Crate, cell: Cell, loaded: dict[Cell, list[Replicate]]) -> Part:
    """Compute the rows of a cell again. If this succeeds, add its replicates to `loaded`."""
    try:
        replicates, lost = _load(crate, cell)
        _check_memory(cell, replicates)
        check_together(cell, replicates)
        part = Part(cell.hardware, cell.noise, measure(cell, replicates, lost), replicates)
    except Exception as error:  # a crate may contain anything
        return Part(cell.hardware, cell.noise, [], [], error)
    loaded[cell] = replicates
    return part


def _load(crate: Crate, cell: Cell) -> tuple[list[Replicate], dict[str, int]]:
    """Read the finished replicates that the chunk files list, and count the others, as `load_replicates` does."""
    finished, lost = list[Replicate](), {"diverged": 0, "failed": 0}
    for listing in crate.listings[cell]:
        lost = {"diverged": lost["diverged"] + len(listing.diverged), "failed": lost["failed"] + len(listing.failed)}
        for number, expected in listing.weight_hashes.items():
            check_count(f"{cell.path}: finished replicates", len(finished) + 1, REPLICATES)
            replicate = read(replicate_folder(crate.folder / "results", cell, int(number)), crate.left_out)
            check_belongs(replicate.record, cell, replicate.folder)
            if replicate.record["weight_hash"] != expected or replicate.record["replicate"] != int(number):
                raise NoisegridError(f"replicate {number} of {cell.path} is not the one that its chunk file lists")
            finished.append(_kept(cell, replicate, finished[0] if finished else None))
    if len(finished) < 2:
        raise NoisegridError(f"{cell.path}: {len(finished)} replicates finished; a spread needs two")
    return finished, lost


def _kept(cell: Cell, replicate: Replicate, first: Replicate | None) -> Replicate:
    """Return a replicate with only those parts of its record that metrics need, as all records do not fit into memory.

    What its cell holds fixed is shared with the record of the first replicate.
    """
    record = replicate.record
    own = {key: record[key] for key in ("replicate", "weight_hash", "initial_weight_hash", "seeds", "flags")}
    if first is not None:
        check_together(cell, [first, replicate])
        return Replicate(replicate.folder, first.record | own)
    shared = {key: record[key] for key in ("code", "dataset", "device")}
    shared["software"] = {key: record["software"][key] for key in ("torch", "python", "environment")}
    name = f"the record of replicate {record['replicate']} of {cell.path}"
    check_size(f"{name}, without its settings, layout and packages,", len(json.dumps(shared)), KEPT_BYTES)
    # the number of parameters is where the first buffer starts
    layout = [tensor for tensor in record["layout"] if tensor["kind"] == "buffer"][:1]
    return Replicate(replicate.folder, shared | own | {"settings": cell.settings, "layout": layout})


def _check_memory(cell: Cell, replicates: list[Replicate]) -> None:
    """Check the predictions of a cell, and raise NoisegridError if they are more than `limits` allow."""
    shapes = set()
    for replicate in replicates:
        arrays = checked(replicate)
        labels = arrays["label"]
        shapes.add(arrays["predicted"].shape)
        classes = int(labels.max()) + 1 if labels.ndim == 1 else labels.shape[1]
        check_count(f"{cell.path}: classes or attributes in predictions.npz", classes, CLASSES)
        check_count(f"{cell.path}: labels times replicates", labels.size * len(replicates), CELL_LABELS)
        check_count(f"{cell.path}: classes times replicates", classes * len(replicates), CELL_CLASSES)
        if len(shapes) > 1:
            raise NoisegridError(f"{cell.path}: replicate {replicate.record['replicate']} has another test set")
