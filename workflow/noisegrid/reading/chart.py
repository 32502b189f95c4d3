"""Charts of Weights & Biases, exported as CSV: a column of steps, and a column `RUN - METRIC` for each run."""

from noisegrid.reading.cells import column
from noisegrid.reading.limits import CELLS, check_count
from noisegrid.reading.naming import step_columns
from noisegrid.reading.table import Table

#: What separates the run from the metric, and how the columns end that have the range of a smoothed line.
_BETWEEN, _RANGES = " - ", ("__MIN", "__MAX")


def unfold(table: Table) -> Table:
    """Return a chart as the history of its runs, one below the other, with a column `run`; another table as it is."""
    lines = [name for name in table.columns if _BETWEEN in name]
    others = [name for name in table.columns if _BETWEEN not in name]
    if not lines or len(others) != 1:
        return table
    cells = {tuple(name.rsplit(_BETWEEN, 1)): table[name].tolist() for name in lines if not name.endswith(_RANGES)}
    runs, metrics = (list(dict.fromkeys(key[part] for key in cells)) for part in (0, 1))
    check_count(table.origin, "cells", len(runs) * len(metrics) * len(table), CELLS)
    empty, steps = [None] * len(table), table[others[0]].tolist()
    columns = {
        "run": column([run for run in runs for _ in steps]),
        others[0] if others[0] in step_columns(table) else "step": column(steps * len(runs)),
        **{metric: column([cell for run in runs for cell in cells.get((run, metric), empty)]) for metric in metrics},
    }
    return Table(table.origin, columns, table.constants)
