"""The reference of a catalog: its entries, by the columns that tell them apart."""

from collections.abc import Callable, Mapping
from typing import Any

from _ext.markdown import code, prose, table
from noisegrid.common.schemas import WORKFLOW, catalog

Entry = Mapping[str, Any]


def _text(key: str) -> Callable[[Entry], str]:
    return lambda entry: prose(str(entry.get(key, "") or ""))


def _code(key: str) -> Callable[[Entry], str]:
    return lambda entry: code(entry.get(key, ""))


def _list(key: str) -> Callable[[Entry], str]:
    return lambda entry: ", ".join(code(value) for value in entry.get(key, []))


def _optimizer(entry: Entry) -> str:
    settings = entry.get("optimizer", {})
    return f"{settings.get('name', '')}, {settings.get('learning_rate', '')}" if settings else ""


def _origin(entry: Entry) -> str:
    if entry.get("licensed"):
        return "never downloaded (licence)"
    return "with a package" if entry.get("bundled") else "your folder, or downloaded"


#: The columns of each catalog after the name. What a table leaves out is in the file.
COLUMNS: dict[str, dict[str, Callable[[Entry], str]]] = {
    "arms": {"title": _text("title")},
    "claims": {"claim": _text("claim")},
    "datasets": {"title": _text("title"), "source": _text("source"), "classes": _text("classes"), "got": _origin},
    "hardware": {
        "title": _text("title"),
        "device": _text("device"),
        "precision": _text("precision"),
        "stack": _code("stack"),
        "note": _text("note"),
    },
    "losses": {"labels": _text("labels"), "options": _list("arguments")},
    "networks": {"title": _text("title"), "built by": _code("build")},
    "optimizers": {"options": _list("arguments")},
    "schedulers": {"moves on each": _text("each"), "options": _list("arguments")},
    "stacks": {"title": _text("title"), "CUDA": _text("cuda"), "oldest driver": _text("driver")},
    "tasks": {
        "network": _code("network"),
        "dataset": _code("dataset"),
        "epochs": _text("epochs"),
        "batch": _text("batch_size"),
        "optimiser, rate": _optimizer,
    },
}


def markdown(name: str) -> str:
    """Return the table of workflow/catalog/NAME.yaml, and the file itself behind a button."""
    columns = COLUMNS[name]
    rows = [[code(key), *(column(entry or {}) for column in columns.values())] for key, entry in _entries(name).items()]
    text = (WORKFLOW / "catalog" / f"{name}.yaml").read_text()
    whole = f":::{{dropdown}} workflow/catalog/{name}.yaml\n````yaml\n{text}````\n:::\n"
    return f"{table(['name', *columns], rows)}\n{whole}"


def _entries(name: str) -> dict[str, Entry]:
    """Return the entries; a task that is like another one has its values."""
    entries = catalog(name)

    def whole(entry: Entry) -> Entry:
        return {**whole(entries[entry["like"]]), **entry} if entry and "like" in entry else entry

    return {key: whole(entry) for key, entry in entries.items()}
