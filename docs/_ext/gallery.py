"""The gallery: every figure of docs/results, with what it shows and what it was measured on."""

import csv
from collections.abc import Iterator
from pathlib import Path

import yaml

from _ext.markdown import prose
from noisegrid.common.schemas import WORKFLOW

DOCS = Path(__file__).resolve().parents[1]
RESULTS = DOCS / "results"
#: A sentence for each figure that no study drew.
SENTENCES = DOCS / "_ext" / "gallery.yaml"


def markdown() -> str:
    """Return a section for each folder of results that has figures."""
    folders = sorted({figure.parent for figure in RESULTS.glob("*/*.png")})
    return "\n".join(_section(folder) for folder in folders)


def _section(folder: Path) -> str:
    lines = [f"## {_title(folder)}\n", *([f"{measured}\n"] if (measured := _measured(folder)) else [])]
    if (folder / "README.md").exists():
        lines.append(f"[What was found, and how](results/{folder.name}/README.md)\n")
    return "\n".join([*lines, *map(_figure, sorted(folder.glob("*.png")))])


def _figure(figure: Path) -> str:
    place, sentence = figure.relative_to(DOCS).as_posix(), _sentence(figure)
    options = f":alt: {sentence}\n:width: 100%\n:target: {place}"
    return f":::{{figure}} {place}\n{options}\n\n{prose(sentence)}\n:::\n"


def _title(folder: Path) -> str:
    """Return the title of the page about a folder, or its name."""
    page = folder / "README.md"
    return page.read_text().splitlines()[0].removeprefix("# ") if page.exists() else f"The study `{folder.name}`"


def _sentence(figure: Path) -> str:
    """Return the first sentence of a figure's caption."""
    caption = WORKFLOW / "report" / "figures" / f"{figure.stem}.rst"
    if caption.exists():
        return f"{' '.join(caption.read_text().split()).partition('. ')[0].rstrip('.')}."
    place = figure.relative_to(RESULTS).as_posix()
    sentences: dict[str, str] = yaml.safe_load(SENTENCES.read_text())
    if place not in sentences:
        raise KeyError(f"{SENTENCES}: {place} has no sentence; add what this figure shows")
    return sentences[place]


def _measured(folder: Path) -> str:
    """Return the machine, the versions and the number of replicates of the study."""
    table = folder / "metrics.csv"
    if not table.exists():
        return ""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return "; ".join(filter(None, (f"n = {_numbers(rows)} replicates per cell", *_names(rows))))


def _numbers(rows: list[dict[str, str]]) -> str:
    numbers = sorted({int(row["n_replicates"]) for row in rows if row.get("n_replicates")})
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _names(rows: list[dict[str, str]]) -> Iterator[str]:
    for column in ("device", "versions"):
        yield ", or ".join(dict.fromkeys(row[column] for row in rows if row.get(column)))
