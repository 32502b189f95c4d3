"""TensorBoard: each folder with event files is a run, and the last value of each scalar is its result.

Some libraries write a run into several folders: Keras into `train` and `validation`, the `add_hparams` and
`add_scalars` of PyTorch into folders below that of the run. Such a folder is a part of the run. The parts that have the
metric are read. Where a run has several of them, `--where part=NAME` chooses one; the folder of the run itself is the
part `.`, and the one that `add_hparams` names after the time is the part `hparams`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from noisegrid.common.escape import terminal
from noisegrid.reading.event_files import is_event_file, last_values
from noisegrid.reading.kinds import check_alike, select
from noisegrid.reading.naming import is_setting, listed, meant
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice, Format, Table
from noisegrid.reading.values import OF_A_RUN
from noisegrid.reading.visible import visible

#: Names of folders with a part of a run.
PARTS = frozenset(("train", "training", "val", "valid", "validation", "eval", "evaluation", "test", "testing"))
#: What `add_hparams` calls a folder: the seconds since 1970.
_SECONDS = re.compile(r"\d{10,}\.\d+")


@dataclass(frozen=True)
class _Run:
    """The event files of one folder."""

    files: tuple[Path, ...]
    constants: dict[str, str]


def recognizes(path: Path) -> bool:
    """Return whether a path is an event file, or a folder with event files in it or below it."""
    if path.is_dir():
        return any(map(is_event_file, visible(path, "**/*tfevents*")))
    return is_event_file(path)


def read(path: Path, choice: Choice) -> list[Table]:
    """Read the last value of each scalar of each run.

    Raises
    ------
    CannotJudge
        If a file is damaged, ends within a record or has no scalars, if a folder has several runs, or if the metric is
        in several parts of a run of which none is chosen, or in no part of some run.
    """
    tables = [
        Table(str(run.files[0].parent if path.is_dir() else path), last_values(run.files), run.constants)
        for run in select(list(_runs(path)), choice.where)
    ]
    if len({_part(table) for table in tables}) > 1:
        tables = _with_metric(tables, choice.metric, str(path))
    if empty := next((table.origin for table in tables if not table.columns), None):
        raise CannotJudge(
            f"{terminal(empty)} has no scalars in its event files; log its results as scalars, or leave it out"
        )
    return tables


def _with_metric(tables: list[Table], metric: str | None, origin: str) -> list[Table]:
    """Return the tables of the one part of the runs that has the metric or, if none is wanted, scalars."""
    tags = list(dict.fromkeys(tag for table in tables for tag in table.columns))
    if not tags:
        return tables
    wanted = tags if metric is None else meant(metric, tags, "metric", origin)
    parts = {_part(table) for table in tables if not table.columns.keys().isdisjoint(wanted)}
    kept = [table for table in tables if _part(table) in parts]
    results = [tag for tag in wanted if not is_setting(tag)]
    check_alike(kept, ["part"], origin, f", or a tag with --metric: {listed(results)}" if len(results) > 1 else "")
    runs = {table.constants["run"] for table in kept}
    if lost := [run for run in (table.constants["run"] for table in tables) if run not in runs]:
        name, part = terminal(lost[0]), terminal(parts.pop())
        raise CannotJudge(f"run {name} of {terminal(origin)} has no event files in the part {part}; {OF_A_RUN}")
    return kept


def _runs(path: Path) -> Iterator[_Run]:
    """Yield the runs of a folder, or that of a file."""
    if path.is_file():
        yield _Run((path,), {"run": _name(path.parent), "part": "."})
        return
    folders = sorted({file.parent for file in visible(path, "**/*tfevents*") if is_event_file(file)})
    for folder in folders:
        run = _run_of(folder, path, folders)
        name = _name(run) if run == path else str(run.relative_to(path))
        beside = [other.name for other in folders if other.parent == folder.parent]
        part = _name_of_part(folder.relative_to(run), beside)
        yield _Run(tuple(filter(is_event_file, visible(folder, "*tfevents*"))), {"run": name, "part": part})


def _name(folder: Path) -> str:
    """Return the name of the folder of a run, with that of the folder above if it has only a part of the run."""
    whole = folder.resolve()
    return f"{whole.parent.name}/{whole.name}" if whole.name.lower() in PARTS else whole.name


def _run_of(folder: Path, path: Path, folders: list[Path]) -> Path:
    """Return the folder of the run that a folder with event files belongs to."""
    above = [parent for parent in folder.parents if parent.is_relative_to(path)]
    outermost = next((parent for parent in reversed(above) if parent in folders), folder)
    return outermost.parent if outermost != path and outermost.name.lower() in PARTS else outermost


def _name_of_part(part: Path, beside: Sequence[str]) -> str:
    """Return the name of a part, which is the same in all runs also if `add_hparams` has named its folder."""
    is_only_one = sum(_SECONDS.fullmatch(name) is not None for name in beside) == 1
    return str(part.with_name("hparams") if is_only_one and _SECONDS.fullmatch(part.name) else part)


def _part(table: Table) -> str:
    return table.constants["part"]


FORMAT = Format("TensorBoard event files", recognizes, read, extra="tensorboard")
