"""The resolved study on disk, design.json. Snakemake writes this file before it starts jobs, and every job reads it.

Therefore `auto` means the same hardware in every job, namely that of the machine on which Snakemake was called. If a
catalog is edited while a study runs, the study does not change.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text
from noisegrid.study.study import KEPT, Cell, Inference, Study, TimedNetwork, Versus, changed_settings


def document_of(study: Study) -> dict[str, Any]:
    """Return the content of design.json: the study with every `like`, `auto` and catalog entry resolved."""
    used = study.values("dataset")
    return {
        "format": versions.DESIGN,
        "name": study.name,
        "description": study.description,
        "source": str(study.source.resolve()),
        "share_gpu": study.share_gpu,
        "keep": list(study.keep),
        "cells": [asdict(cell) for cell in study.cells],
        "datasets": {name: study.datasets[name] for name in used},
        "timed_networks": [asdict(timed) | {"arms": list(timed.arms)} for timed in study.timed_networks],
        "versus": [asdict(comparison) for comparison in study.versus],
        **({"inference": [asdict(one) for one in study.inference]} if study.inference else {}),
        "requirements": {name: study.requirements.get(name, {}) for name in study.values("task")},
    }


def write(study: Study, path: Path) -> None:
    """Write design.json. If the content is unchanged, the file keeps its modification time."""
    text = json.dumps(document_of(study), indent=1) + "\n"
    if not path.exists() or path.read_text() != text:
        write_text(path, text)


def read(path: Path) -> Study:
    """Return the study in design.json. Raise NoisegridError if the file is damaged or has a different format."""
    if not path.exists():
        raise NoisegridError(f"there is no file {path}; correct the path, or run Snakemake, which writes it")
    remedy = "delete it and run Snakemake, which writes it again"
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise NoisegridError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    except ValueError as error:
        raise NoisegridError(f"{path} is truncated or edited (not JSON); {remedy}") from error
    if not isinstance(found, dict) or found.get("format") != versions.DESIGN:
        raise NoisegridError(f"{path} was written by another release of noisegrid; {remedy}")
    try:
        return Study(
            name=found["name"],
            description=found["description"],
            source=Path(found["source"]),
            cells=tuple(Cell(**cell) for cell in found["cells"]),
            datasets=found["datasets"],
            share_gpu=max(1, int(found["share_gpu"])),  # before 0.4, this was true or false
            timed_networks=tuple(TimedNetwork(**t | {"arms": tuple(t["arms"])}) for t in found["timed_networks"]),
            requirements=found["requirements"],
            keep=tuple(found.get("keep", KEPT)),
            versus=tuple(Versus(**comparison) for comparison in found.get("versus", [])),
            inference=tuple(_inference(one) for one in found.get("inference", [])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoisegridError(f"{path} was edited ({error}); {remedy}") from error


def _inference(found: dict[str, Any]) -> Inference:
    return Inference(**found | {key: tuple(found[key]) for key in ("batch_sizes", "threads")})


def changes(study: Study, path: Path) -> list[str]:
    """Return one line for each difference between a study and its design.json, if this file exists."""
    if not path.exists():
        return []
    old, new = (
        {cell.path: cell.settings | {"replicates": cell.replicates} for cell in one.cells}
        for one in (read(path), study)
    )
    found = [f"cell {name} was added" for name in new.keys() - old.keys()]
    found += [f"cell {name} was removed" for name in old.keys() - new.keys()]
    for name in [name for name in new if name in old]:
        found += [f"{name}: {change}" for change in changed_settings(old[name], new[name])]
    return sorted(found)
