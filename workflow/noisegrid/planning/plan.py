"""The plan of a study: the validated config and study, and the files that the rules create.

The Snakefile builds the plan at parse time, so this module imports neither torch nor pandas. It runs all checks of the
user's input that are possible before work starts.
"""

import json
import re
import sys
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.paths import StudyPaths
from noisegrid.common.schemas import ROOT, catalog, check, read_yaml, schema
from noisegrid.planning.checks import check_folders, check_layout, check_names
from noisegrid.planning.images import Images
from noisegrid.planning.packing import Packing
from noisegrid.planning.site import Site, load_site
from noisegrid.records.belonging import check_settings
from noisegrid.records.damage import check_intact
from noisegrid.reporting.registry import FIGURE_SUFFIXES, FIGURES, TABLE_SUFFIXES, TABLES, names_for
from noisegrid.study import design
from noisegrid.study.chunk import PATTERN, chunk_of
from noisegrid.study.resolve import load_study, name_of
from noisegrid.study.study import Cell, Study, digest, repeated


@dataclass(frozen=True)
class Plan:
    """The study and the workflow's config, with all paths and options that the rules derive from them."""

    study: Study
    config: dict[str, Any]
    in_containers: bool = False
    site: Site = field(default_factory=load_site)

    @cached_property
    def paths(self) -> StudyPaths:
        """The paths of this study's results."""
        return StudyPaths(self.config["results"], self.study.name)

    @cached_property
    def packing(self) -> Packing:
        """The packing of replicates into jobs."""
        return Packing(self.study, self.config, self.site)

    @cached_property
    def images(self) -> Images:
        """The container images that jobs run in."""
        return Images(self.study, self.config, self.in_containers)

    @property
    def wildcards(self) -> dict[str, str]:
        """The regular expression that each wildcard must match, so that a misspelt target matches no rule."""
        names = {what: self.study.values(what) for what in ("task", "dataset")}
        names |= {"hardware": self.study.hardware, "stack": list(catalog("stacks"))}
        return {"chunk": PATTERN} | {what: "|".join(map(re.escape, values)) for what, values in names.items()}

    def dataset_manifests(self) -> list[str]:
        """Return the paths of the manifests of all prepared datasets that the study reads."""
        return [f"{self.config['datasets']}/{name}/manifest.json" for name in self.study.values("dataset")]

    # --- training jobs ---

    def chunk_files(self, hardware: str, task: str, noise: str | None = None) -> list[str]:
        """Return the paths of the chunk files of a task on the given hardware, for one noise or for all noises."""
        chunks = self.packing.chunks_of(hardware, task, noise)
        return [self.paths.chunk(hardware, chunk.name) for chunk in chunks]

    def cells_of(self, hardware: str, chunk: str) -> list[Cell]:
        """Return the cells whose replicates a job trains; `chunk` is the name of the job's chunk."""
        return self.study.cells_of(hardware, chunk_of(chunk))

    def chunk_digest(self, hardware: str, chunk: str) -> str:
        """Hash the settings and the number of replicates of the cells that a job trains."""
        return digest([(cell.digest, cell.replicates) for cell in self.cells_of(hardware, chunk)])

    def pilot_files(self) -> list[str]:
        """Return the paths of the pilot files, one for each task on each kind of hardware."""
        return [self.paths.pilot(*names) for names in self.study.tasks]

    # --- measuring ---

    def metrics_files(self) -> list[str]:
        """Return the paths of the files with the metrics of a task on one kind of hardware."""
        return [self.paths.task_metrics(*names) for names in self.study.tasks]

    def across_files(self) -> list[str]:
        """Return the paths of the files that compare runs between kinds of hardware.

        There is one file for each task that the study measures, with the same noise, on more than one kind of hardware.
        """
        return [self.paths.across(task) for task in self.study.values("task") if repeated(self.study.cells, task)]

    def versus_files(self) -> list[str]:
        """Return a list with the path of the comparisons of two methods; empty if the study has none."""
        return [self.paths.versus] if self.study.versus else []

    def versus_chunks(self) -> list[str]:
        """Return the paths of the chunk files with the replicates of all methods that are compared."""
        cells = [(one.hardware, task, one.noise) for one in self.study.versus for task in (one.a, one.b)]
        return list(dict.fromkeys(file for cell in cells for file in self.chunk_files(*cell)))

    def versus_digest(self) -> str:
        """Hash the comparisons of two methods, and the settings and numbers of replicates of their cells."""
        cells = [self.study.cell(one.hardware, task, one.noise) for one in self.study.versus for task in (one.a, one.b)]
        compared = [asdict(one) for one in self.study.versus]
        return digest([compared, [(cell.digest, cell.replicates) for cell in cells]])

    # --- overhead ---

    @property
    def overhead(self) -> list[str]:
        """The path of overhead.csv, as a list that is empty if the study times no network."""
        return [self.paths.overhead] if self.study.timed_networks else []

    @property
    def overhead_option(self) -> list[str]:
        """The option with the path of overhead.csv; empty if the study times no network."""
        return ["--overhead", *self.overhead] if self.overhead else []

    def timed_files(self) -> list[str]:
        """Return the paths of the files with the overhead measurements, one for each kind of hardware."""
        return [self.paths.timed_on(hardware) for hardware in self.study.timed_hardware]

    def timed_digest(self, hardware: str) -> str:
        """Hash the settings of the job that times the networks on one kind of hardware."""
        timed = [asdict(network) for network in self.study.timed_networks if network.hardware == hardware]
        return digest([{key: value for key, value in entry.items() if value != ""} for entry in timed])

    # --- inference ---

    def inference_files(self, *suffixes: str) -> list[str]:
        """Return the paths of the evaluations under other conditions, in the formats given by the suffixes."""
        return [self.paths.inference(one.cell, suffix) for one in self.study.inference for suffix in suffixes]

    @property
    def inference_threads(self) -> int:
        """The largest number of threads of an evaluation."""
        return max((number for one in self.study.inference for number in one.threads), default=1)

    # --- products ---

    @property
    def figures(self) -> list[str]:
        """The names of the figures for which this study provides the data."""
        return names_for(self.study, FIGURES)

    @property
    def tables(self) -> list[str]:
        """The names of the tables for which this study provides the data."""
        return names_for(self.study, TABLES)

    def why_not_made(self, folder: str, file: str) -> str:
        """Return why the folder `figures` or `tables` gets no such file: the study lacks it, or the suffix is wrong."""
        figures = folder == "figures"
        made, entries = (self.figures, FIGURES) if figures else (self.tables, TABLES)
        suffixes = FIGURE_SUFFIXES if figures else TABLE_SUFFIXES
        name, _, suffix = file.partition(".") if "." in file else ("", "", file)
        where = f"{self.paths.folder}/{folder}/{file}"
        if name not in entries:
            return f"{where}: {unknown(folder.removesuffix('s'), name or suffix, made)}"
        if name not in made:
            return f"{where}: study {self.study.name} has no data for {name}; it makes {', '.join(made)}"
        return f"{where}: {name} is not written as .{suffix}; write {' or '.join(f'.{one}' for one in suffixes)}"

    def why_not_here(self, other: str, file: str) -> str:
        """Return why this study does not make a file in the results folder of another study."""
        return (
            f"{self.paths.results}/{other}/{file} belongs to another study; this call is about {self.study.name}. Add "
            "--config study= with the name or the file of the other study"
        )

    def table_files(self, suffix: str) -> list[str]:
        """Return the path of every table in the format given by the suffix."""
        return [self.paths.table(table, suffix) for table in self.tables]

    def figure_files(self, suffix: str) -> list[str]:
        """Return the path of every figure in the format given by the suffix."""
        return [self.paths.figure(figure, suffix) for figure in self.figures]

    def products(self) -> list[str]:
        """Return the paths of the files that people read: findings, figures, tables, cell pages and inference."""
        figures = self.figure_files("png")
        pages = [self.paths.cell_page(*names) for names in self.study.tasks]
        inference = self.inference_files("txt", "png")
        return [self.paths.findings("md"), *figures, *self.table_files("html"), *pages, *inference]

    # --- options of commands ---

    @property
    def config_json(self) -> str:
        """The config as JSON, for commands that make the plan again."""
        return json.dumps(self.config, sort_keys=True)

    @property
    def training_options(self) -> list[str]:
        """The command-line options of training jobs, as the config and the study set them."""
        failures = ["--accept-failures"] if self.config["accept_failures"] else []
        share = ["--share-gpu", str(self.study.share_gpu)] if self.study.share_gpu > 1 else []
        return ["--checkpoint-minutes", str(self.config["checkpoint_minutes"]), *failures, *share]


def make(config: dict[str, Any], in_containers: bool = False, in_job: bool = False) -> Plan:
    """Return the plan, after checking the config, the study, the dataset folders and existing results.

    Parameters
    ----------
    config : dict
        The workflow's config. If it lacks a key, the value in config.yaml is used. If config.yaml lacks the key too,
        the default in the schema is used.
    in_containers : bool
        Whether jobs run in containers.
    in_job : bool
        Whether this process is a job. A job reads design.json, which was written by the Snakemake call that submitted
        the job.

    Raises
    ------
    NoisegridError
        If there is a mistake. The message describes the first one that is found.
    """
    defaults = {key: entry["default"] for key, entry in schema("config")["properties"].items() if "default" in entry}
    # Snakemake ignores config.yaml if the workflow is used as a module
    config = defaults | read_yaml(ROOT / "config.yaml") | config
    check(config, "config", "config")
    planned = Path(StudyPaths(config["results"], name_of(config["study"])).design) if in_job else None
    study = design.read(planned) if planned and planned.exists() else load_study(config["study"], config["stack"])
    plan = Plan(study, config, in_containers)
    if config["require_containers"] and not in_containers:
        raise NoisegridError(
            "config: require_containers is set, but no container is used; call Snakemake with --sdm apptainer"
        )
    for name in config["dataset_folders"]:
        if name not in plan.study.datasets:
            raise NoisegridError(f"config: dataset_folders: {unknown('dataset', name, plan.study.datasets)}")
    check_layout(plan.paths)
    if not in_job:
        check_intact(plan.study, Path(config["results"]))
    check_settings(Path(config["results"]), plan.study.cells)
    return plan


def make_or_exit(
    config: dict[str, Any], in_containers: bool = False, in_job: bool = False, submits: bool = False
) -> Plan:
    """Call `plan.make` for the Snakefile; a mistake ends Snakemake with a one-line message instead of a traceback.

    `submits` states whether Snakemake submits jobs to a cluster. `make` explains the other parameters.
    """
    try:
        plan = make(config, in_containers, in_job)
        if not in_job:
            check_names(plan.config, submits or in_containers)
            check_folders(plan.paths, plan.config, plan.study)
        for note in [] if in_job else notes(plan):
            print(f"noisegrid: {note}", file=sys.stderr)
        return plan
    except NoisegridError as error:
        refuse(str(error))


def refuse(sentence: str) -> NoReturn:
    """End Snakemake with one sentence."""
    sys.exit(f"noisegrid: {escape.lines(sentence)}")


def notes(plan: Plan, most: int = 5) -> list[str]:
    """Return one line for each change of a study since its last run.

    If there are more than `most` changes, the first `most` are listed, and one more line states how many follow.
    """
    found = design.changes(plan.study, Path(plan.paths.design))
    more = [f"and {len(found) - most} more changes"] if len(found) > most else []
    shown = [escape.terminal(line) for line in [*found[:most], *more]]
    return [f"study {plan.study.name} changed since it was last run: {line}" for line in shown]


def write_design(plan: Plan) -> None:
    """Write design.json, the resolved study that every job reads."""
    design.write(plan.study, Path(plan.paths.design))
