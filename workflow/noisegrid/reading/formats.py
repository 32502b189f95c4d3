"""All file formats from which runs are read."""

from pathlib import Path

from noisegrid.common.errors import why
from noisegrid.common.escape import terminal
from noisegrid.reading import (
    arrays,
    crates,
    csv_tables,
    json_tables,
    lightning,
    lm_eval,
    metrics,
    parquet,
    replicates,
    tensorboard,
    trainer,
)
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice, Format, Table

#: The formats. The first one that recognizes a path reads it, so a special format comes before a general one.
FORMATS: tuple[Format, ...] = (
    replicates.FORMAT,
    crates.FORMAT,
    metrics.FORMAT,
    lightning.FORMAT,
    lm_eval.FORMAT,
    trainer.FORMAT,
    tensorboard.FORMAT,
    csv_tables.FORMAT,
    json_tables.FORMAT,
    parquet.FORMAT,
    arrays.FORMAT,
)


def names() -> str:
    """Return the names of all formats, for messages."""
    return ", ".join(form.name for form in FORMATS)


def is_known(path: Path) -> bool:
    """Return whether a file, or a folder that is one thing, such as the results of a study, has a known format."""
    return any(form.recognizes(path) for form in FORMATS)


def find(path: Path) -> Format:
    """Return the format of a file or folder.

    Raises
    ------
    CannotJudge
        If the format is unknown.
    """
    for form in FORMATS:
        if form.recognizes(path):
            return form
    raise CannotJudge(
        f"{terminal(str(path))} has no format that noisegrid reads ({names()}); convert it to one of them"
    )


def read(path: Path, choice: Choice) -> list[Table]:
    """Read a file or folder.

    Raises
    ------
    CannotJudge
        If the format is unknown, if the file is damaged, or if a package is missing that the format needs.
    """
    form = find(path)
    try:
        return form.read(path, choice)
    except ImportError as error:
        if not form.extra:
            raise
        package = (error.name or form.extra).partition(".")[0]
        raise CannotJudge(
            f"reading {form.name} needs the package {package}; install it with: pip install 'noisegrid[{form.extra}]'"
        ) from error
    except OSError as error:
        raise CannotJudge(f"cannot read {terminal(str(path))}: {why(error)}") from error
