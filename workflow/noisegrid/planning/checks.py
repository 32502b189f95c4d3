"""Checks of the config and of the folders of a Snakemake call, before anything starts (see plan.make)."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import nearest_existing
from noisegrid.common.paths import StudyPaths
from noisegrid.common.schemas import ROOT
from noisegrid.data.prepared import check_raw_folders
from noisegrid.study.study import Study

#: Files and folders that only an earlier version of noisegrid wrote into the folder of a study. Replicates of that
#: version are not listed here, because `read_record` recognises them.
OLD_LAYOUT = ("cost", "cost.csv")


def check_layout(paths: StudyPaths) -> None:
    """Raise NoisegridError if a study's folder has the layout of an earlier version of noisegrid."""
    folder = Path(paths.folder)
    for name in OLD_LAYOUT:
        if (folder / name).exists():
            raise NoisegridError(
                f"{folder} contains results of an earlier version of noisegrid ({name}), which "
                "cannot be mixed with new results; rename the study, or move the folder away"
            )


def check_names(config: dict[str, Any], in_commands: bool) -> None:
    """Check the texts of the config, and the folders in which Snakemake works.

    Parameters
    ----------
    config : dict
        The config.
    in_commands : bool
        Whether Snakemake writes names into commands of a shell: into those that it submits to a cluster, and into those
        that start a container. It puts them in quotes, but does not escape what acts in quotes.

    Raises
    ------
    NoisegridError
        If a name has a character that could end the quotes or act in them, or that no terminal shows.
    """
    names = [(f"config: {key}", text) for key, value in config.items() for text in texts(value)]
    names += [("working directory", str(Path.cwd())), ("folder of the workflow", str(ROOT))]
    for what, name in names:
        if escape.terminal(name) != name:
            raise NoisegridError(f"{what}: {name!r} has characters that cannot be shown; rename it")
        if in_commands and re.search(r"""['"\\$`]""", name):
            raise NoisegridError(
                f"{what}: {name!r}: on a cluster and with containers, a name may have no quotation mark, backslash, "
                "dollar sign or backtick, which Snakemake does not quote; rename it"
            )


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value of the config: keys and values of mappings, items of lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for item in pair for text in texts(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in texts(item))


def check_folders(paths: StudyPaths, config: dict[str, Any], study: Study) -> None:
    """Check the folders that a Snakemake call needs, so that a dry run (`snakemake -n`) reports them too.

    Raises
    ------
    NoisegridError
        If the results cannot be written, or if a folder of raw files lacks files of a dataset that is not prepared.
        Raw files are not needed if metrics.csv exists, because figures and tables can then be drawn without them.
    """
    check_writable(Path(paths.folder))
    if not Path(paths.metrics).exists():
        folders, prepared = config["dataset_folders"], Path(config["datasets"])
        used = [name for name in study.values("dataset") if name in folders]
        missing = [name for name in used if not (prepared / name / "manifest.json").exists()]
        check_raw_folders(folders, study.datasets, missing)


def check_writable(folder: Path) -> None:
    """Raise NoisegridError if a folder, or the nearest existing folder above it, cannot be written."""
    place = nearest_existing(folder)
    if not place.is_dir():
        raise NoisegridError(f"config: results: {place} is a file; name another folder with --config results=FOLDER")
    if not os.access(place, os.W_OK):
        raise NoisegridError(
            f"config: results: the folder {place} cannot be written; change its permissions, or name another folder "
            "with --config results=FOLDER"
        )
