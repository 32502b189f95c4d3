"""Print what the study of config.yaml found, and where everything is. Command: python -m noisegrid.show"""

from pathlib import Path

from noisegrid.basics.documents import WORKFLOW, read_yaml
from noisegrid.basics.errors import NoisegridError, exit_on_error
from noisegrid.design.study import load_study


def main() -> None:
    config = read_yaml(WORKFLOW.parent / "config.yaml")
    folder = Path(config["results"]) / load_study(config["study"]).name
    if not (folder / "findings.md").exists():
        raise NoisegridError(f"{folder} holds no findings yet; run `snakemake` first")
    print(f"\n{(folder / 'findings.md').read_text()}")
    for what, name in {
        "Report": "report.html",
        "Figures": "figures/",
        "Tables": "tables/",
        "Numbers": "metrics.csv",
    }.items():
        print(f"{what + ':':9}{folder / name}")


if __name__ == "__main__":
    exit_on_error(main)
