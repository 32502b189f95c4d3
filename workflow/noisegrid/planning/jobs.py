"""The inputs, parameters and resources of Snakemake's jobs, as functions of a job's wildcards."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from noisegrid.common.provenance import TREE_VARIABLE, tree_value
from noisegrid.common.schemas import IN_WORKING_TREE, WORKFLOW
from noisegrid.planning.images import CODE_INSIDE
from noisegrid.planning.plan import Plan
from noisegrid.planning.site import RESOURCES
from noisegrid.runtime import refused_nodes
from noisegrid.runtime.hardware import stack_of
from noisegrid.study.chunk import chunk_of
from noisegrid.study.study import Cell, Inference, digest


def untracked(value: Any) -> Callable[..., Any]:
    """Return a parameter for a Snakemake rule; jobs do not run again if the value of this parameter changes.

    Use it only for a value that does not affect the output of the rule. `value` is the value itself, or a function
    that takes the wildcards and returns the value.
    """

    # Snakemake does not track a parameter whose function takes the argument `output`
    def parameter(wildcards: Any, output: Any) -> Any:
        return value(wildcards) if callable(value) else value

    return parameter


class Jobs:
    """The inputs, parameters and resources of the jobs of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def config(self, wildcards: Any) -> str:
        """Return the config as JSON. Snakemake would take braces in a text for wildcards, but not in a function's."""
        return self.plan.config_json

    # --- datasets and images ---

    def manifests(self, wildcards: Any) -> list[str]:
        """Return the paths of the manifests of the prepared datasets that a job reads."""
        names = dict.fromkeys(cell.dataset for cell in self._cells(wildcards))
        return [f"{self.plan.config['datasets']}/{name}/manifest.json" for name in names]

    def raw_folder_option(self, wildcards: Any) -> list[str]:
        """Return the option with the folder of a dataset's raw files; empty if the user configured no such folder."""
        folder = self.plan.config["dataset_folders"].get(wildcards.dataset)
        return ["--folder", folder] if folder else []

    def image(self, wildcards: Any) -> str | None:
        """Return the path of a job's container image, which depends on the wildcard `stack` or `hardware`."""
        return self.plan.images.file(self._stack(wildcards))

    def inspection(self, wildcards: Any) -> list[str]:
        """Return a list with the path of the inspection file of a job's container image; empty without containers."""
        return self.plan.images.inspections(self._stack(wildcards))

    def image_option(self, wildcards: Any) -> list[str]:
        """Return the option that makes a job check its container image; empty if jobs do not run in containers."""
        return self.plan.images.option(self._stack(wildcards))

    def image_source(self, wildcards: Any) -> list[str]:
        """Return the options that specify a container image built elsewhere; empty if it is built on this machine."""
        return self.plan.images.source_option(wildcards.stack)

    def definition(self, wildcards: Any) -> str:
        """Return the digest of the definition and pins of a job's container image."""
        return self.plan.images.definition(self._stack(wildcards))

    # --- training and measuring ---

    def chunk_digest(self, wildcards: Any) -> str:
        """Hash the settings and the numbers of replicates of the cells that a job trains.

        The job runs again if this hash changes.
        """
        return self.plan.chunk_digest(wildcards.hardware, wildcards.chunk)

    def task_digest(self, wildcards: Any) -> str:
        """Hash the settings and numbers of replicates of a task's cells, which are measured again if they change."""
        cells = self.plan.study.siblings(wildcards.hardware, wildcards.task)
        return digest([(cell.noise, cell.digest, cell.replicates) for cell in cells])

    def pace_identity(self, wildcards: Any) -> str:
        """Hash those settings of a task and its hardware that determine how long a replicate takes."""
        return self.plan.study.pace_identity(wildcards.hardware, wildcards.task)

    def task_chunks(self, wildcards: Any) -> list[str]:
        """Return the paths of the chunk files that contain replicates of a task on one kind of hardware."""
        return self.plan.chunk_files(wildcards.hardware, wildcards.task)

    def chunks_of_all_hardware(self, wildcards: Any) -> list[str]:
        """Return the paths of the chunk files with replicates of a task, for all hardware entries."""
        names = [hardware for hardware, task in self.plan.study.tasks if task == wildcards.task]
        return [file for name in names for file in self.plan.chunk_files(name, wildcards.task)]

    def timed_digest(self, wildcards: Any) -> str:
        """Hash the settings of the job that times the networks on one kind of hardware."""
        return self.plan.timed_digest(wildcards.hardware)

    # --- inference ---

    def inference_chunks(self, wildcards: Any) -> list[str]:
        """Return the paths of the chunk files with the replicate that is evaluated under other conditions."""
        return self.plan.chunk_files(wildcards.hardware, wildcards.task, wildcards.noise)

    def inference_record(self, wildcards: Any) -> str:
        """Return the path of the folder of this replicate."""
        one = self._inference(wildcards)
        return self.plan.paths.replicate(one.cell, one.replicate)

    def inference_options(self, wildcards: Any) -> list[str]:
        """Return the options of the evaluation."""
        one = self._inference(wildcards)
        lists = {"--batch-sizes": one.batch_sizes, "--threads": one.threads, "--examples": (one.examples,)}
        return [word for option, values in lists.items() for word in (option, ",".join(map(str, values)))]

    def _inference(self, wildcards: Any) -> Inference:
        cell = f"{wildcards.hardware}/{wildcards.task}/{wildcards.noise}"
        return next(one for one in self.plan.study.inference if one.cell == cell)

    # --- resources ---

    def threads(self, cores: int) -> Callable[..., int]:
        """Return a function that returns the number of threads of a training job.

        A job that trains the cells of all tasks has the machine for itself, and uses all its cores.

        Parameters
        ----------
        cores : int
            The number of cores that Snakemake may use.
        """

        def value(wildcards: Any) -> int:
            if not chunk_of(wildcards.chunk).task:
                return cores
            return self.plan.packing.cores(wildcards.hardware, self._cells(wildcards))

        return value

    def resources(self, alone: bool = False, **fixed: Any) -> dict[str, Any]:
        """Return the resources that the jobs of a rule request from the scheduler.

        The resources that depend on a job's hardware are functions of the job's wildcards and attempt.

        Parameters
        ----------
        alone : bool
            Whether nothing else may run on the node.
        fixed
            Further resources: a value for every job of the rule, or a function of the wildcards and the attempt.
        """
        return {name: self._resource(name, alone) for name in RESOURCES} | fixed

    def _resource(self, name: str, alone: bool) -> Callable[..., Any]:
        def value(wildcards: Any, attempt: int) -> Any:
            # a first attempt may use all nodes, because the user may have corrected a refused node or the request
            refused = refused_nodes.nodes(Path(self.plan.paths.folder), wildcards.hardware) if attempt > 1 else []
            return self.plan.site.resources(wildcards.hardware, attempt, alone, refused)[name]

        return value

    def _cells(self, wildcards: Any) -> list[Cell]:
        if hasattr(wildcards, "chunk"):
            return self.plan.cells_of(wildcards.hardware, wildcards.chunk)
        return self.plan.study.siblings(wildcards.hardware, wildcards.task)

    def _stack(self, wildcards: Any) -> str:
        return str(wildcards.stack) if hasattr(wildcards, "stack") else stack_of(wildcards.hardware)


def shell_prefix() -> str:
    """Return shell commands that prepare the environment of a job.

    They set TREE_VARIABLE to the state of the working tree or of the wheel. Outside containers, they put the folder of
    Snakemake's Python first in PATH. They set PYTHONPATH so that jobs import the code of the working tree or, in a
    container, the installed package, which is bound to CODE_INSIDE.
    """
    python = shlex.quote(str(Path(sys.executable).parent))
    # Snakemake formats the prefix, so braces in a folder are doubled
    python, workflow = (text.replace("{", "{{").replace("}", "}}") for text in (python, shlex.quote(str(WORKFLOW))))
    inside = '[ -n "${{APPTAINER_CONTAINER:-}}" ]'
    code = f"export PYTHONPATH={workflow}; "
    if not IN_WORKING_TREE:
        code = f"{inside} && export PYTHONPATH={CODE_INSIDE}; "
    path = f"{code}{inside} || export PATH={python}:$PATH; "
    return f"{path}export {TREE_VARIABLE}={shlex.quote(tree_value())}; "
