"""Charts of Weights & Biases, exported as CSV: a column of steps, and a column `RUN - METRIC` for each run."""

from noisegrid.reading.naming import STEPS, usual
from noisegrid.reading.table import Table

#: What separates the run from the metric, and how the columns of a smoothed line's range end.
_BETWEEN, _RANGES = " - ", ("__MIN", "__MAX")


def unfold(table: Table) -> list[Table]:
    """Return a chart as one table for each run; any other table as it is.

    Each table has the column of steps, those of the run under the names of their metrics, and the constant `run`.
    """
    lines = [name for name in table.columns if _BETWEEN in name]
    others = [name for name in table.columns if _BETWEEN not in name]
    if not lines or len(others) != 1:
        return [table]
    runs = dict[str, dict]()
    for name in lines:
        run, _, metric = name.rpartition(_BETWEEN)
        if not name.endswith(_RANGES):
            runs.setdefault(run, {})[metric] = table.columns[name]
    # the steps of a chart may be any column, but those of a run are its own
    steps = {"_step" if usual(STEPS, table) is None else others[0]: table.columns[others[0]]}
    return [Table(table.origin, steps | columns, {**table.constants, "run": run}) for run, columns in runs.items()]
