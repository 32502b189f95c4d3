"""A summary for the terminal: the findings of a study, and where its products are."""

from pathlib import Path

from noisegrid.common.errors import NoisegridError

PLACES = {"Report": "report.html", "Figures": "figures/", "Tables": "tables/", "Numbers": "metrics.csv"}


def summary(folder: Path) -> str:
    """Return the findings in a study's results folder, and the paths of its products."""
    findings = folder / "findings.md"
    if not findings.exists():
        raise NoisegridError(f"{folder} holds no findings yet; run `snakemake` first")
    places = [f"{name + ':':9}{folder / place}" for name, place in PLACES.items()]
    return "\n".join(["", findings.read_text(), *places])
