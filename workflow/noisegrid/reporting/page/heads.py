"""The names of a table's rows: cells, pairs of methods, networks or whatever the first column says."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from noisegrid.reporting.page.names import Names
from noisegrid.reporting.titles import hardware_title, network_title, noise_title, task_title


@dataclass(frozen=True)
class Head:
    """The name of a row.

    Attributes
    ----------
    title, key : str
        The name for readers, and the name in files.
    href : str
        A link to the section about it; empty if there is none.
    note : str
        What a reader must know about the row.
    """

    title: str
    key: str = ""
    href: str = ""
    note: str = ""


def take_heads(table: pd.DataFrame, names: Names) -> tuple[str, list[Head], pd.DataFrame]:
    """Return what the rows of a table are about, their names, and the table without the columns of the names.

    Parameters
    ----------
    table : pandas.DataFrame
        A table of the study.
    names : Names
        The names of the cells.
    """
    kinds = (
        ("task", ["hardware", "task"], _task),
        ("methods", ["hardware", "a", "b"], _methods),
        ("network", ["hardware", "network"], _network),
        ("noise", ["noise"], _noise),
        (str(table.columns[0]), [table.columns[0]], _other),
    )
    of, columns, name = next(kind for kind in kinds if set(kind[1]) <= set(table.columns))
    taken = [*columns, *(["note"] if "note" in table else [])]
    several = "hardware" in columns and table["hardware"].nunique() > 1
    heads = []
    for row in table[taken].itertuples(index=False, name=None):
        where = f", {hardware_title(row[0])}" if several else ""
        note = row[-1] if len(taken) > len(columns) and isinstance(row[-1], str) else ""
        heads.append(name(row, where, note, names))
    return of.replace("_", " "), heads, table.drop(columns=taken)


def _task(row: Sequence[str], where: str, note: str, names: Names) -> Head:
    hardware, task = row[:2]
    return Head(f"{task_title(task)}{where}", f"{hardware}/{task}", names.href(hardware, task), note)


def _methods(row: Sequence[str], where: str, note: str, names: Names) -> Head:
    hardware, a, b = row[:3]
    title = f"{task_title(b)} (b) against {task_title(a)} (a){where}"
    return Head(title, f"{hardware}: a = {a}, b = {b}", names.href(hardware, b), note)


def _network(row: Sequence[str], where: str, note: str, names: Names) -> Head:
    hardware, network = row[:2]
    return Head(f"{network_title(network)}{where}", f"{hardware}/{network}", note=note)


def _noise(row: Sequence[str], where: str, note: str, names: Names) -> Head:
    return Head(noise_title(str(row[0])), str(row[0]), note=note)


def _other(row: Sequence[str], where: str, note: str, names: Names) -> Head:
    return Head("" if pd.isna(row[0]) else str(row[0]), note=note)
