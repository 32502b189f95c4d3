"""All paths below the results of a study. No other module spells them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StudyPaths:
    """Paths below the results of one study, as strings that rules and messages can use.

    Attributes
    ----------
    results : str
        The folder of all results.
    study : str
        The name of the study.
    """

    results: str
    study: str

    @classmethod
    def below(cls, folder: Path) -> "StudyPaths":
        """Return the paths of the study whose folder this is."""
        return cls(str(folder.parent), folder.name)

    @property
    def folder(self) -> str:
        """The folder of the study."""
        return f"{self.results}/{self.study}"

    @property
    def design(self) -> str:
        """The file of the resolved study."""
        return f"{self.folder}/design.json"

    @property
    def metrics(self) -> str:
        """The metrics of all cells."""
        return f"{self.folder}/metrics.csv"

    @property
    def overhead(self) -> str:
        """The timed blocks of all networks."""
        return f"{self.folder}/overhead.csv"

    @property
    def crate(self) -> str:
        """The package of the study, a zipped RO-Crate."""
        return f"{self.folder}/{self.study}.crate.zip"

    @property
    def report(self) -> str:
        """The HTML report."""
        return f"{self.folder}/report.html"

    def findings(self, suffix: str) -> str:
        """Return the file of findings in one format."""
        return f"{self.folder}/findings.{suffix}"

    def replicates(self, cell: str) -> str:
        """Return the folder of a cell's replicates; `cell` is hardware/task/noise."""
        return f"{self.folder}/replicates/{cell}"

    def replicate(self, cell: str, number: int | str) -> str:
        """Return the folder of a replicate; `cell` is hardware/task/noise."""
        return f"{self.replicates(cell)}/{number}"

    def batch_folder(self, hardware: str, task: str) -> str:
        """Return the folder of the batch files of a task on one hardware."""
        return f"{self.folder}/batches/{hardware}/{task}"

    def batch(self, hardware: str, task: str, name: str) -> str:
        """Return the summary file that a training job writes."""
        return f"{self.batch_folder(hardware, task)}/{name}.json"

    def pilot(self, hardware: str, task: str) -> str:
        """Return the file with the pace that a pilot measured."""
        return f"{self.folder}/pilot/{hardware}/{task}.json"

    def cell_metrics(self, cell: str) -> str:
        """Return the file of metrics of one cell; `cell` is hardware/task/noise."""
        return f"{self.folder}/cells/{cell}.csv"

    def across(self, task: str, noise: str) -> str:
        """Return the file that compares the same runs across hardware."""
        return f"{self.folder}/across/{task}/{noise}.csv"

    def timed(self, network: str, suffix: str) -> str:
        """Return the timed blocks (csv) or the record (json) of a network; `network` is hardware/network."""
        return f"{self.folder}/overhead/{network}.{suffix}"

    def figure(self, name: str, suffix: str) -> str:
        """Return the file of a figure in one format."""
        return f"{self.folder}/figures/{name}.{suffix}"

    def table(self, name: str, suffix: str) -> str:
        """Return the file of a table in one format."""
        return f"{self.folder}/tables/{name}.{suffix}"

    def cell_page(self, hardware: str, task: str) -> str:
        """Return the page with all numbers of a task on one hardware."""
        return f"{self.folder}/tables/cells/{hardware}.{task}.html"

    def log(self, name: str) -> str:
        """Return the log file of a job."""
        return f"{self.folder}/logs/{name}.log"

    def device(self, hardware: str) -> str:
        """Return the file with the device model that a hardware means in this study."""
        return f"{self.folder}/devices/{hardware}"

    def refused(self, hardware: str) -> str:
        """Return the folder of the nodes on which jobs found another device than the required one."""
        return f"{self.folder}/refused/{hardware}"
