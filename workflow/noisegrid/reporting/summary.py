"""A summary for the terminal: the findings of a study, and the paths of its report, figures, tables and numbers."""

from pathlib import Path

from noisegrid.common.errors import NoisegridError

PLACES = {
    "Report": "report.html",
    "Provenance": "provenance.html",
    "Figures": "figures/",
    "Tables": "tables/",
    "Numbers": "metrics.csv",
}


def summary(folder: Path) -> str:
    """Return the findings of a study and the paths of its results, given the results folder of the study."""
    findings = folder / "findings.md"
    if not findings.exists():
        raise NoisegridError(f"{folder} contains no findings yet; run `snakemake` first")
    places = [f"{name + ':':13}{folder / place}" for name, place in PLACES.items()]
    return "\n".join(["", findings.read_text(encoding="utf-8"), *places])
