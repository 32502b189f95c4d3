"""The container images that the jobs of a study run in, if Snakemake is called with --sdm apptainer."""

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from noisegrid.common.schemas import IN_WORKING_TREE, PACKAGE, ROOT
from noisegrid.runtime.environment import HERE
from noisegrid.runtime.hardware import ANALYSIS, gpus_per_job, stack, stack_of
from noisegrid.study.study import Study

#: The folder inside containers that holds the package if it was installed from a wheel.
CODE_INSIDE = "/opt/noisegrid-code"


@dataclass(frozen=True)
class Images:
    """The container images of a study.

    Attributes
    ----------
    study : Study
        The study.
    config : dict
        The workflow's config.
    used : bool
        Whether jobs run in containers.
    """

    study: Study
    config: dict[str, Any]
    used: bool

    @cached_property
    def stacks(self) -> list[str]:
        """The names of the stacks that this study requires."""
        names = dict.fromkeys([ANALYSIS, *map(stack_of, self.study.hardware)])
        return [name for name in names if self.has(name)]

    def has(self, stack_name: str) -> bool:
        """Return whether a stack has a container image. The stack `here` has one only if the config names it."""
        return stack_name != HERE or HERE in self.config["images"]

    @property
    def training_stack(self) -> str:
        """The name of the stack in which datasets are prepared: the stack of the study's first hardware entry."""
        return stack_of(self.study.hardware[0])

    def file(self, stack_name: str) -> str | None:
        """Return the path of a stack's container image; None if jobs of the stack run outside any container."""
        if not self.has(stack_name):
            return None
        return f"{self.config['containers']}/{stack_name}.sif"

    def inspection(self, stack_name: str) -> str:
        """Return the path of the JSON file that describes a stack's container image after its inspection."""
        return f"{self.config['containers']}/{stack_name}.json"

    def log(self, name: str) -> str:
        """Return the path of a log file in the folder of the container images."""
        return f"{self.config['containers']}/logs/{name}.log"

    def inspections(self, *stack_names: str) -> list[str]:
        """Return the paths of the inspection files that a job needs as input, one for each of the given stacks.

        Return an empty list if jobs do not run in containers.
        """
        return [self.inspection(name) for name in stack_names if self.used and self.has(name)]

    def option(self, stack_name: str) -> list[str]:
        """Return the option that makes a job check that it runs in the right container image.

        Return an empty list if jobs do not run in containers.
        """
        return [word for path in self.inspections(stack_name) for word in ("--image", path)]

    def definition(self, stack_name: str) -> str:
        """Return the digest of the definition and pins of a stack's container image, or `no image` without containers.

        A job runs again if the digest of its image changes.
        """
        # never empty: Snakemake compares a job's parameters as one set of values, and other parameters may be empty
        return stack(stack_name).definition if self.used and stack_name != HERE else "no image"

    def source_option(self, stack_name: str) -> list[str]:
        """Return the options that specify a container image built elsewhere; empty if it is built on this machine."""
        given = self.config["images"].get(stack_name)
        if given is None:
            return []
        return ["--image", given["image"], *(["--sha256", given["sha256"]] if "sha256" in given else [])]

    def mirror_option(self) -> list[str]:
        """Return the option with the Debian mirror that config.yaml specifies for building container images.

        If config.yaml specifies no mirror, return an empty list. The build then uses the same mirror as apt on this
        machine.
        """
        named = self.config["debian_mirror"]
        return ["--mirror", named] if named else []

    def engine_arguments(self) -> str:
        """Return the container engine's arguments that make folders and GPUs of the machine accessible in containers.

        The folders are the working tree, the folder of the study file, and all data folders of the config.
        """
        ours = [Path(self.config[key]) for key in ("results", "datasets", "containers")]
        for folder in ours:
            folder.mkdir(parents=True, exist_ok=True)  # only existing folders can be bound, and jobs write to these
        paths = [ROOT, self.study.source.parent, *self.config["dataset_folders"].values(), *ours]
        folders = [folder for folder in dict.fromkeys(Path(path).resolve() for path in paths) if folder.exists()]
        places = [str(folder) for folder in folders]
        if not IN_WORKING_TREE:
            places.append(f"{PACKAGE}:{CODE_INSIDE}/{PACKAGE.name}")
        binds = " ".join(f"--bind {shlex.quote(place)}" for place in places)
        cuda = any(gpus_per_job(hardware) for hardware in self.study.hardware)
        return f" {binds}{' --nv' if cuda else ''}"
