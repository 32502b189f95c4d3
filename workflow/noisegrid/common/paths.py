"""The paths of all files in the results folder of a study. No other module defines the layout of that folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StudyPaths:
    """The paths in the results of one study, as strings that rules and messages can use.

    Attributes
    ----------
    results : str
        The path of the folder with the results of all studies.
    study : str
        The name of the study.
    """

    results: str
    study: str

    @classmethod
    def below(cls, folder: Path) -> "StudyPaths":
        """Return the paths of the study whose results are in the given folder."""
        return cls(str(folder.parent), folder.name)

    @property
    def folder(self) -> str:
        """The path of the folder with all results of the study."""
        return f"{self.results}/{self.study}"

    @property
    def design(self) -> str:
        """The path of design.json, which contains the resolved study."""
        return f"{self.folder}/design.json"

    @property
    def metrics(self) -> str:
        """The path of the CSV file with the metrics of all cells."""
        return f"{self.folder}/metrics.csv"

    @property
    def overhead(self) -> str:
        """The path of the CSV file with the overhead measurements of all networks."""
        return f"{self.folder}/overhead.csv"

    @property
    def calibration(self) -> str:
        """The path of the CSV file that says how often the verdicts err (`noisegrid calibrate`)."""
        return f"{self.folder}/calibration.csv"

    @property
    def crate(self) -> str:
        """The path of the study's crate, a zipped RO-Crate."""
        return f"{self.folder}/{self.study}.crate.zip"

    @property
    def report(self) -> str:
        """The path of the HTML report."""
        return f"{self.folder}/report.html"

    @property
    def provenance(self) -> str:
        """The path of Snakemake's own report, which states the code, the duration and the software of every step."""
        return f"{self.folder}/provenance.html"

    def findings(self, suffix: str) -> str:
        """Return the path of the findings in the format given by the suffix."""
        return f"{self.folder}/findings.{suffix}"

    def replicates(self, cell: str) -> str:
        """Return the path of the folder with all replicates of a cell; `cell` is hardware/task/noise."""
        return f"{self.folder}/replicates/{cell}"

    def replicate(self, cell: str, number: int | str) -> str:
        """Return the path of the folder of one replicate; `cell` is hardware/task/noise."""
        return f"{self.replicates(cell)}/{number}"

    def chunk_folder(self, hardware: str) -> str:
        """Return the path of the folder with the chunk files of a hardware entry."""
        return f"{self.folder}/chunks/{hardware}"

    def chunk(self, hardware: str, name: str) -> str:
        """Return the path of the chunk file that a training job writes; `name` is the name of the chunk."""
        return f"{self.chunk_folder(hardware)}/{name}.json"

    def pilot(self, hardware: str, task: str) -> str:
        """Return the path of the file in which the pilot of a task records how long a replicate takes."""
        return f"{self.folder}/pilot/{hardware}/{task}.json"

    def task_metrics(self, hardware: str, task: str) -> str:
        """Return the path of the file with the metrics of all cells of a task on one kind of hardware."""
        return f"{self.folder}/cells/{hardware}/{task}.csv"

    def across(self, task: str) -> str:
        """Return the path of the file that compares runs of a task with the same seeds but different hardware."""
        return f"{self.folder}/across/{task}.csv"

    @property
    def versus(self) -> str:
        """The path of the file with the comparisons of two methods."""
        return f"{self.folder}/versus.csv"

    def timed(self, network: str, suffix: str) -> str:
        """Return the path of a network's overhead measurements (suffix csv), or of the timing's record (suffix json).

        `network` has the form hardware/network.
        """
        return f"{self.folder}/overhead/{network}.{suffix}"

    def timed_on(self, hardware: str) -> str:
        """Return the path of the file with the overhead measurements of all networks on one kind of hardware."""
        return f"{self.folder}/overhead/{hardware}.csv"

    def inference(self, cell: str, suffix: str) -> str:
        """Return the path of the evaluation of a replicate under other conditions (suffix json, txt or png).

        `cell` is hardware/task/noise.
        """
        return f"{self.folder}/inference/{cell}.{suffix}"

    @property
    def figures(self) -> str:
        """The path of the folder with all figures."""
        return f"{self.folder}/figures"

    @property
    def tables(self) -> str:
        """The path of the folder with all tables and the pages of cells."""
        return f"{self.folder}/tables"

    def figure(self, name: str, suffix: str) -> str:
        """Return the path of a figure in the format given by the suffix."""
        return f"{self.figures}/{name}.{suffix}"

    def table(self, name: str, suffix: str) -> str:
        """Return the path of a table in the format given by the suffix."""
        return f"{self.tables}/{name}.{suffix}"

    @property
    def cell_pages(self) -> str:
        """The path of the folder with the pages of cells."""
        return f"{self.tables}/cells"

    def cell_page(self, hardware: str, task: str) -> str:
        """Return the path of the HTML page with all numbers of a task on the given hardware."""
        return f"{self.cell_pages}/{hardware}.{task}.html"

    def log(self, name: str) -> str:
        """Return the path of a job's log file."""
        return f"{self.folder}/logs/{name}.log"

    def device(self, hardware: str) -> str:
        """Return the path of the file that states the exact device model used in this study for a hardware entry."""
        return f"{self.folder}/devices/{hardware}"

    def refused(self, hardware: str) -> str:
        """Return the path of the folder with a note about each node that lacks the device of a hardware entry."""
        return f"{self.folder}/refused/{hardware}"
