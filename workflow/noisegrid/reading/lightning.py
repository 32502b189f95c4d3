"""The metrics.csv of PyTorch Lightning's CSVLogger: the history of a run, whose seed may be in the file beside it."""

import re
from pathlib import Path

from noisegrid.reading import csv_tables
from noisegrid.reading.limits import check_count
from noisegrid.reading.naming import SEEDS, matching
from noisegrid.reading.table import Choice, Format, Table
from noisegrid.reading.texts import read_text

NAME, SETTINGS = "metrics.csv", "hparams.yaml"
#: The most bytes of the settings.
LARGEST = 1_000_000
#: A line with a seed that is a number. It is not indented, so it is no part of another value, and no line goes on after
#: it, which would be indented.
_SEED = re.compile(
    rf"^({'|'.join(SEEDS)})[ \t]*:[ \t]+(0|[1-9][0-9]{{0,19}})(?:[ \t]+#.*)?[ \t\r]*$(?!\s*\n[ \t]+[^\s#])",
    re.MULTILINE,
)


def recognizes(path: Path) -> bool:
    """Return whether a path is a metrics.csv with the settings of the run beside it."""
    return path.name == NAME and path.is_file() and (path.parent / SETTINGS).is_file()


def read(path: Path, _: Choice) -> list[Table]:
    """Read the history of a run. Its seed is that of the settings, unless the table has one.

    Raises
    ------
    CannotJudge
        If a file is damaged or too large.
    """
    table = csv_tables.parse(read_text(path), str(path))
    if any(matching(name, table) for name in SEEDS):
        return [table]
    seeds = _seeds(path.parent / SETTINGS)
    return [Table(str(path), table.columns, {name: seeds[name] for name in SEEDS if name in seeds})]


def _seeds(settings: Path) -> dict[str, str]:
    """Return the seeds in a YAML file by their names, which needs no parser."""
    with settings.open("rb") as file:
        content = file.read(LARGEST + 1)
    check_count(str(settings), "bytes or more", len(content), LARGEST)
    return dict(_SEED.findall(content.decode(errors="replace")))


FORMAT = Format("metrics.csv of PyTorch Lightning", recognizes, read)
