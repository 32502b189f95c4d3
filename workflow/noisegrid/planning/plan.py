"""What the Snakefile asks: the validated config and study, and the few values that rules need. Runs at parse time.

Every check of the user's input that can be made before any work starts is made here, so this module stays light: it
imports neither torch nor pandas.
"""

import hashlib
import json
import math
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.provenance import TOLD, telling
from noisegrid.common.schemas import WORKFLOW, catalog, check, schema
from noisegrid.planning import estimate
from noisegrid.planning.site import RESOURCES, Site, load_site
from noisegrid.records.record import check_settings
from noisegrid.runtime import refused_nodes
from noisegrid.runtime.hardware import ANALYSIS, ROOT, stack
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study import arms
from noisegrid.study.batch import PATTERN, Batch, batch_of, split
from noisegrid.study.study import Cell, Study, digest, load_study

TABLES = ("noise", "difference", "classes", "claims", "taxonomy", "published", "reference")
OVERHEAD_TABLES = ("overhead", "kernels", "skipped")
#: Where no pace is known: replicates per job, and more of them where a study would make more jobs than this.
USUAL_REPLICATES_PER_JOB, MANY_JOBS = 10, 300
#: Share of a job's time that is planned for: nodes differ, and what does not fit costs another submission.
PLANNED = 0.8
#: How often slurm/config.yaml lets a job be submitted, with more time each time.
ATTEMPTS = 3


@dataclass(frozen=True)
class Plan:
    """A study with the config it runs under."""

    study: Study
    config: dict[str, Any]
    in_containers: bool = False
    site: Site = field(default_factory=load_site)

    @property
    def results(self) -> str:
        """Folder of this study's results."""
        return f"{self.config['results']}/{self.study.name}"

    @property
    def figures(self) -> list[str]:
        """The figures that this study's cells can fill."""
        tasks, noise = set(self.study.values("task")), set(self.study.values("noise"))
        drawable = {
            "figure_1": True,
            "figure_2": any(task.replace("-", "_bn-", 1) in tasks - {task} for task in tasks),
            "figure_3": not noise.isdisjoint({"algo_impl", "algo", "impl"}),
            "figure_4": any(self.study.datasets[d].get("groups") for d in self.study.values("dataset")),
            "figure_5": len(self.study.values("hardware")) > 1,
            "figure_across": bool(self.across_files()),
            "figure_6": bool(self.study.timed_networks),
            "figure_7": bool(self.study.timed_networks),
            "figure_8": not noise.isdisjoint({"order", "in_batch_order"}),
            "figure_sources": len(noise - {"control"}) > 3,
        }
        return [figure for figure, possible in drawable.items() if possible]

    @property
    def wildcards(self) -> dict[str, str]:
        """Constraints, so that a typing error in a target matches nothing instead of something odd."""
        names = {what: self.study.values(what) for what in ("hardware", "task", "noise", "dataset")}
        exact = {what: "|".join(map(re.escape, values)) for what, values in names.items()}
        exact["hardware"] = "|".join(map(re.escape, self._hardware))
        exact["network"] = "|".join(re.escape(timing.network) for timing in self.study.timed_networks) or "none"
        exact["stack"] = "|".join(map(re.escape, catalog("stacks")))
        return {**exact, "batch": PATTERN, "figure": "|".join(self.figures)}

    def batches(self, hardware: str, task: str) -> list[Batch]:
        """What the jobs train that train a task on a hardware: as many replicates as fit a job's time."""
        return self._packed[hardware, task]

    @cached_property
    def _packed(self) -> dict[tuple[str, str], list[Batch]]:
        """Of every task on every hardware, once: thousands of jobs ask."""
        return {names: self._pack(*names) for names in self.tasks}

    def _pack(self, hardware: str, task: str) -> list[Batch]:
        cells = self.study.siblings(hardware, task)
        count = max(cell.replicates for cell in cells)
        size = self.config["replicates_per_job"] or self._fitting(hardware, task, len(cells))
        if size >= 1:
            return split(count, size)
        size = max(1, self._fitting(hardware, task, sources=1))
        return [batch for cell in cells for batch in split(cell.replicates, size, cell.noise)]

    def _fitting(self, hardware: str, task: str, sources: int) -> int:
        """How many replicates of so many noise sources fit a job's time, by their pace, if that is known."""
        pace = estimate.pace(self.study, hardware, task, Path(self.config["results"]))
        if pace is None:
            return max(USUAL_REPLICATES_PER_JOB, math.ceil(self._wanted / MANY_JOBS))
        hours = PLANNED * self._at_a_time(hardware, pace) * self.site.settings["minutes_per_job"] / 60
        return int(hours / (pace.hours * sources))

    @cached_property
    def _wanted(self) -> int:
        """Replicates of all tasks, those of several noise sources counted once."""
        return sum(max(cell.replicates for cell in self.study.siblings(*names)) for names in self.tasks)

    def _at_a_time(self, hardware: str, pace: estimate.Pace) -> int:
        """How many replicates a job trains side by side."""
        return 1 if self.gpus(hardware) else max(1, self.config["threads_per_job"] // pace.threads)

    def longest_job_hours(self, line: estimate.Estimate) -> float:
        """How long the longest job of a task on a hardware takes; 0 where that is not known."""
        if line.pace is None:
            return 0.0
        names = line.hardware, line.task
        runs = [len(batch.numbers) * len(self.study.siblings(*names, batch)) for batch in self.batches(*names)]
        return line.pace.hours * max(runs) / self._at_a_time(line.hardware, line.pace)

    def pilot_files(self) -> list[str]:
        """What measured how long replicates take, a file per task and hardware."""
        results = Path(self.config["results"])
        return [str(estimate.pilot_file(results, self.study, *names)) for names in self.tasks]

    def batch_files(self, hardware: str, task: str, noise: str | None = None) -> list[str]:
        """The files that those jobs leave; of one noise source, or of all."""
        batches = [batch for batch in self.batches(hardware, task) if noise is None or batch.holds(noise)]
        return [f"{self.results}/batches/{hardware}/{task}/{batch.name}.json" for batch in batches]

    def cells_of(self, hardware: str, task: str, batch: str) -> list[Cell]:
        """The cells whose replicates a job trains. batch: its name."""
        return self.study.siblings(hardware, task, batch_of(batch))

    def batch_digest(self, hardware: str, task: str, batch: str) -> str:
        """Changes with what a job has to train: other settings, another noise source."""
        return digest([(cell.digest, cell.replicates) for cell in self.cells_of(hardware, task, batch)])

    @property
    def _hardware(self) -> list[str]:
        return list(
            dict.fromkeys([*self.study.values("hardware"), *(timing.hardware for timing in self.study.timed_networks)])
        )

    @property
    def tables(self) -> list[str]:
        """The tables that this study fills."""
        return [*TABLES, *(OVERHEAD_TABLES if self.study.timed_networks else ())]

    @property
    def overhead(self) -> list[str]:
        """overhead.csv, if the study times anything."""
        return [f"{self.results}/overhead.csv"] if self.study.timed_networks else []

    def overhead_option(self) -> list[str]:
        """The option that names it."""
        return ["--overhead", *self.overhead] if self.overhead else []

    def overhead_files(self) -> list[str]:
        """The timings of every network."""
        return [f"{self.results}/overhead/{timing.path}.csv" for timing in self.study.timed_networks]

    def timed_digest(self, hardware: str, network: str) -> str:
        """Changes with what a timing job has to time."""
        timed_networks = [
            asdict(t) for t in self.study.timed_networks if (t.hardware, t.network) == (hardware, network)
        ]
        return digest([{key: value for key, value in timing.items() if value != ""} for timing in timed_networks])

    def figure_data(self, figure: str) -> str:
        """What a figure is drawn from."""
        return f"{self.results}/{arms.data_of(figure)}"

    @property
    def tasks(self) -> list[tuple[str, str]]:
        """Every task on every hardware that the study names for it."""
        return self.study.tasks

    def cell_files(self) -> list[str]:
        """The metrics of every cell."""
        return [f"{self.results}/cells/{cell.path}.csv" for cell in self.study.cells]

    def _hardware_of(self, task: str, noise: str) -> list[str]:
        return [cell.hardware for cell in self.study.cells if (cell.task, cell.noise) == (task, noise)]

    def across_files(self) -> list[str]:
        """The comparison of every task and noise source that is measured on more than one hardware."""
        pairs = dict.fromkeys((cell.task, cell.noise) for cell in self.study.cells)
        return [f"{self.results}/across/{t}/{n}.csv" for t, n in pairs if len(self._hardware_of(t, n)) > 1]

    def batch_files_of_all_hardware(self, task: str, noise: str) -> list[str]:
        """The batch files of a task on every hardware that measures this noise source."""
        return [file for hardware in self._hardware_of(task, noise) for file in self.batch_files(hardware, task, noise)]

    def products(self) -> list[str]:
        """What a person looks at, one file of each."""
        tables = [f"{self.results}/tables/{table}.html" for table in self.tables]
        figures = [f"{self.results}/figures/{figure}.png" for figure in self.figures]
        pages = [f"{self.results}/tables/cells/{hardware}.{task}.html" for hardware, task in self.tasks]
        return [f"{self.results}/findings.md", *figures, *tables, *pages]

    def config_json(self) -> str:
        """The config, for a command that starts from it."""
        return json.dumps(self.config, sort_keys=True)

    # --- containers: all of it empty unless Snakemake runs with --sdm apptainer ---

    @property
    def stacks(self) -> list[str]:
        """The stacks that this study needs, and no other."""
        return list(dict.fromkeys([ANALYSIS, *(self.stack_of(hardware) for hardware in self._hardware)]))

    def stack_of(self, hardware: str) -> str:
        """The stack of a hardware."""
        return str(hardware_entry(hardware)["stack"])

    @property
    def training_stack(self) -> str:
        """The stack in which datasets are prepared: that of the study's first hardware."""
        return self.stack_of(self._hardware[0])

    def image(self, stack_name: str) -> str:
        """The image file of a stack."""
        return f"{self.config['containers']}/{stack_name}.sif"

    def inspections(self, *stack_names: str) -> list[str]:
        """What a job waits for before it runs in these stacks' images."""
        return [f"{self.config['containers']}/{name}.json" for name in stack_names] if self.in_containers else []

    def image_option(self, hardware: str) -> list[str]:
        """The option by which a job learns in which image it has to be."""
        return [word for path in self.inspections(self.stack_of(hardware)) for word in ("--image", path)]

    def definition(self, stack_name: str) -> str:
        """Digest of an image's definition and pins: what runs in it is marked when this changes."""
        # never empty: Snakemake sees a parameter's change only by a value that was not among the old ones
        return stack(stack_name).definition if self.in_containers else "no image"

    def image_source(self, stack_name: str) -> list[str]:
        """The options that name an image made elsewhere; empty where it is to be built here."""
        given = self.config["images"].get(stack_name)
        if given is None:
            return []
        return ["--image", given["image"], *(["--sha256", given["sha256"]] if "sha256" in given else [])]

    @property
    def mirror_option(self) -> list[str]:
        """The option that names the mirror to build from; empty where the machine's own is taken."""
        named = self.config["debian_mirror"]
        return ["--mirror", named] if named else []

    def engine_arguments(self) -> str:
        """Bind the working tree and the data into every container, and give it the GPUs."""
        ours = [Path(self.config[key]) for key in ("results", "datasets", "containers")]
        for folder in ours:
            folder.mkdir(parents=True, exist_ok=True)  # what does not exist cannot be bound, and jobs write here
        paths = [ROOT, self.study.source.parent, *self.config["dataset_folders"].values(), *ours]
        folders = [folder for folder in dict.fromkeys(Path(path).resolve() for path in paths) if folder.exists()]
        binds = " ".join(f"--bind {shlex.quote(str(folder))}" for folder in folders)
        cuda = any(self.gpus(hardware) for hardware in self._hardware)
        return f" {binds}{' --nv' if cuda else ''}"

    # --- devices ---

    def requests(self, alone: bool = False) -> dict[str, Callable[..., Any]]:
        """What a job on a wildcard's hardware asks its scheduler for, as functions of wildcards and attempt."""

        def ask(wildcards: Any, attempt: int, name: str) -> Any:
            # a new call asks them again: a node may have been mended, or the request
            refused = refused_nodes.nodes(Path(self.results), wildcards.hardware) if attempt > 1 else []
            return self.site.resources(wildcards.hardware, attempt, alone, refused)[name]

        # a lambda each, with the two arguments that Snakemake knows by name
        return {name: lambda wildcards, attempt, name=name: ask(wildcards, attempt, name) for name in RESOURCES}

    def gpus(self, hardware: str) -> int:
        """How many GPUs a job on this hardware asks for."""
        return int(hardware_entry(hardware)["device"] == "cuda")

    @property
    def failures_option(self) -> list[str]:
        """The option by which a job lists failed replicates instead of failing."""
        return ["--accept-failures"] if self.config["accept_failures"] else []

    @property
    def share_option(self) -> list[str]:
        """The option by which training jobs share GPUs, where the study says that they may."""
        return ["--share-gpu"] if self.study.share_gpu else []

    def manifest(self, hardware: str, task: str) -> str:
        """The prepared dataset that a task reads."""
        return f"{self.config['datasets']}/{self.study.siblings(hardware, task)[0].dataset}/manifest.json"

    def raw_folder_option(self, name: str) -> list[str]:
        """The option that names a dataset's raw folder, or nothing where torchvision is to fetch it."""
        folder = self.config["dataset_folders"].get(name)
        return ["--folder", folder] if folder else []


def make(config: dict[str, Any], in_containers: bool = False) -> Plan:
    """Validate config, study, dataset folders and what is already in the results folder. Raises NoisegridError."""
    config = {
        key: entry["default"] for key, entry in schema("config")["properties"].items() if "default" in entry
    } | config
    check(config, "config", "config")
    plan = Plan(load_study(config["study"]), config, in_containers)
    if config["require_containers"] and not in_containers:
        raise NoisegridError("config: require_containers is set, and Snakemake runs none: call it with --sdm apptainer")
    for name in config["dataset_folders"]:
        if name not in plan.study.datasets:
            raise NoisegridError(f"config: dataset_folders: {unknown('dataset', name, plan.study.datasets)}")
    check_settings(Path(config["results"]), plan.study.cells)
    return plan


def make_or_exit(config: dict[str, Any], in_containers: bool = False) -> Plan:
    """`make` for the Snakefile: bad input ends Snakemake with one line instead of a traceback."""
    try:
        return make(config, in_containers)
    except NoisegridError as error:
        sys.exit(f"noisegrid: {error}")


def modules_digest(*names: str) -> str:
    """Digest of some modules' text (`tables`; `analysis/*` for a room; any file by its whole name), for cheap rules.

    An edit reruns them, a new file time does not.
    """
    paths = [path for name in names for path in _modules(name)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def _modules(name: str) -> list[Path]:
    found = sorted((WORKFLOW / "noisegrid").glob(name if "." in name else f"{name}.py"))
    if not found:
        raise FileNotFoundError(f"a rule names {name}, which is no module")  # ours to mend, not the user's
    return found


def shell_prefix() -> str:
    """Put the package on the path, and Snakemake's own Python first, except in a container, which has its own."""
    python = shlex.quote(str(Path(sys.executable).parent))
    inside = '[ -n "${{APPTAINER_CONTAINER:-}}" ]'
    path = f"export PYTHONPATH={shlex.quote(str(WORKFLOW))}; {inside} || export PATH={python}:$PATH; "
    return f"{path}export {TOLD}={shlex.quote(telling())}; "


def summary(plan: Plan) -> str:
    """What would be submitted and what it would cost, for a person."""
    lines = [
        f"{'hardware':16s} {'task':28s} {'cells':>5s} {'replicates':>10s} {'jobs':>5s} {'device-hours':>12s} {'by':>8s}"
    ]
    found = estimate.estimates(plan.study, Path(plan.config["results"]))
    for line in found:
        jobs = len(plan.batches(line.hardware, line.task))
        hours = "not known" if line.hours is None else f"{line.hours:.3g}"
        by = "" if line.pace is None else "pilot" if line.pace.measured else "estimate"
        lines.append(
            f"{line.hardware:16s} {line.task:28s} {line.cells:5d} {line.replicates:10d} {jobs:5d} {hours:>12s} {by:>8s}"
        )
    lines += [note for line in found if (note := _too_long(plan, line))]
    known = [line.hours for line in found if line.hours is not None]
    jobs = sum(len(plan.batches(line.hardware, line.task)) for line in found)
    lines.append(
        f"{plan.study.name}: {len(plan.study.cells)} cells, {sum(line.replicates for line in found)} replicates in "
        f"{jobs} training jobs, {len(plan.study.timed_networks)} timing jobs; about {sum(known):.3g} device-hours"
        + ("" if len(known) == len(found) else " for what is known; `snakemake pilot` measures the rest")
    )
    return "\n".join(lines)


def _too_long(plan: Plan, line: estimate.Estimate) -> str:
    """A note on jobs that will not be done when their time is up for the last time."""
    hours = plan.longest_job_hours(line)
    have = sum(range(1, ATTEMPTS + 1)) * plan.site.settings["minutes_per_job"] / 60
    if hours <= have:
        return ""
    return (
        f"note: a job of {line.task} on {line.hardware} takes about {hours:.0f} h, and its {ATTEMPTS} attempts have "
        f"{have:.0f} h on SLURM: raise minutes_per_job (slurm/site.yaml), or call Snakemake again until it is done"
    )
