"""Check the metrics of a crate by computing them again from the predictions and weights in the crate."""

from collections.abc import Iterator
from typing import Any

from noisegrid.crate.crate import Crate
from noisegrid.crate.csv_differences import differences
from noisegrid.crate.predictions import checked
from noisegrid.measuring import across_hardware
from noisegrid.measuring.cell import check_together, csv_of, load_replicates, measure
from noisegrid.records.record import Replicate
from noisegrid.study.study import Cell

KEYS = ("hardware", "task", "noise", "metric", "group")
#: The kinds of L2 distance between weights, and the metrics that require the weights. Most crates omit the weights.
READINGS = ("raw", "unit", "raw_buffers", "unit_buffers")
NEED_WEIGHTS = {f"l2_{reading}{ending}" for reading in READINGS for ending in ("", "_between_seed_sets")}
NEED_WEIGHTS |= {"reference_l2_midpoint", "l2_unit_across_hardware"}
Rows = list[dict[str, Any]]
Again = tuple[str, Rows | Exception, list[Replicate]]


def recount(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check the metrics of all cells and all comparisons across hardware by computing them again."""
    loaded = dict[Cell, list[Replicate]]()
    files, rows, excused = 0, 0, 0
    wrong: list[str] = []
    for name, again, replicates in _again(crate, loaded):
        path = crate.results / name
        if not path.is_file():
            wrong += [f"{name} is missing"] if crate.about["finished"] else []
            continue
        files += 1
        if isinstance(again, Exception):
            wrong.append(f"{name} cannot be computed again: {crate.words(again)}")
            continue
        rows += len(again)
        excuse = Excuse(again, replicates)
        wrong += differences(path.read_text(), csv_of(again), KEYS, name, excuse)
        excused += excuse.count
    text = f"{rows:,} rows of {files} files computed again"
    if excused:
        text += f"; {excused} rows were not, because they require the weights, which the crate leaves out"
    return text, iter(wrong)


class Excuse:
    """A test that accepts the rows that cannot be computed again because the crate leaves out the weights.

    Parameters
    ----------
    again : list of dict
        The rows of a metrics file that were computed again.
    replicates : list of Replicate
        The replicates from which these rows were computed.

    Attributes
    ----------
    count : int
        The number of rows accepted so far.
    """

    def __init__(self, again: Rows, replicates: list[Replicate]) -> None:
        self.there = {row["metric"] for row in again}
        self.common = again[0] if again else {}
        self.equal = len({replicate.record["weight_hash"] for replicate in replicates}) == 1
        self.count = 0

    def __call__(self, row: dict[str, str]) -> bool:
        """Return whether to accept a row of a metrics file.

        A row is accepted if its metric requires the weights, if its number of replicates, device and versions equal
        those of the other rows, and if its value is possible.
        """
        excused = (
            row["metric"] in NEED_WEIGHTS - self.there
            and row["group"] == "all"
            and all(str(self.common.get(key)) == row.get(key) for key in ("n_replicates", "device", "versions"))
            and self._possible(row["metric"], float(row["value"]))
        )
        self.count += excused
        return excused

    def _possible(self, metric: str, value: float) -> bool:
        """Return whether the value of a metric is possible.

        If all weights are equal, the value must be 0. Otherwise, `l2_raw_buffers` must be above 0, and other metrics
        may have any value.
        """
        return value == 0 if self.equal else value > 0 or metric != "l2_raw_buffers"


def _again(crate: Crate, loaded: dict[Cell, list[Replicate]]) -> Iterator[Again]:
    """Recompute each metrics file of the crate.

    Yield the name of each file, its recomputed rows (or the error that prevented them), and the replicates used.
    """
    for cell in crate.cells:
        name = f"cells/{cell.path}.csv"
        try:
            yield name, _measured(crate, cell, loaded), loaded[cell]
        except Exception as error:  # a crate may contain anything
            loaded.pop(cell, None)
            yield name, error, []
    for task, noise in dict.fromkeys((cell.task, cell.noise) for cell in crate.cells):
        cells = [cell for cell in crate.cells if (cell.task, cell.noise) == (task, noise)]
        if len(cells) > 1 and all(cell in loaded for cell in cells):
            rows = across_hardware.compare_all([(cell, loaded[cell]) for cell in cells])
            yield f"across/{task}/{noise}.csv", rows, [run for cell in cells for run in loaded[cell]]


def _measured(crate: Crate, cell: Cell, loaded: dict[Cell, list[Replicate]]) -> Rows:
    results = crate.folder / "results"
    loaded[cell], lost = load_replicates(cell, crate.chunks(cell), results, crate.left_out)
    for replicate in loaded[cell]:
        checked(replicate)
    check_together(cell, loaded[cell])
    return measure(cell, loaded[cell], lost)
