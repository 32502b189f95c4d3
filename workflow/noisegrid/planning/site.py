"""The resources that a job requests. They depend on the job's hardware and on the cluster's settings (slurm/site.yaml).

Outside a cluster, only the resource `gpu` matters.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.escape import terminal
from noisegrid.common.schemas import ROOT, check, read_yaml, schema
from noisegrid.runtime.hardware import entry

#: The settings of a site, in the working directory or else next to the Snakefile.
OWN_SITE = Path("slurm/site.yaml")
SITE = OWN_SITE if OWN_SITE.exists() else ROOT / OWN_SITE
#: The names of the resources that depend on the hardware or on slurm/site.yaml.
RESOURCES = (
    "gpu", "gpu_model", "constraint", "mem_mb", "runtime", "slurm_account", "slurm_partition", "slurm_extra"
)  # fmt: skip


@dataclass(frozen=True)
class Site:
    """The settings in slurm/site.yaml, completed with the defaults of the schema."""

    settings: dict[str, Any]

    @property
    def scratch_option(self) -> list[str]:
        """The option with the disk of a node to which a training job copies its datasets; empty if there is none."""
        return [f"--scratch={self.settings['scratch']}"] if "scratch" in self.settings else []

    def price_per_hour(self, hardware: str) -> float | None:
        """Return the price of an hour of one device of a hardware entry; None if slurm/site.yaml states none."""
        price: float | None = _of(self.settings.get("price_per_hour"), hardware)
        return price

    def resources(
        self, hardware: str, attempt: int, alone: bool = False, refused: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return the Snakemake resources of a training or timing job; a resource that is None is not requested.

        Parameters
        ----------
        hardware : str
            The name of the hardware entry.
        attempt : int
            The number of the attempt, counted from 1. Each attempt gets more time than the attempt before it.
        alone : bool
            Whether nothing else may run on the node.
        refused : sequence of str
            The nodes on which earlier attempts did not find the required device.

        Returns
        -------
        dict
            The value of each of RESOURCES; `runtime` is in minutes, `mem_mb` in MB.
        """
        found = entry(hardware)
        cuda, slurm = found.is_cuda, found.slurm
        avoided = f"--exclude={','.join(refused)}" if refused else ""
        options = ["--exclusive" if alone else "", avoided, *map(shlex.quote, options_of(self.settings))]
        wanted = {
            "gpu": int(cuda),
            "runtime": attempt * self.settings["minutes_per_job"],
            "mem_mb": self.settings["memory_mb"],
            "slurm_extra": " ".join(filter(None, options)) or None,
            "slurm_account": self.settings.get("account"),
            "slurm_partition": _of(self.settings.get("partition"), hardware),
        }
        request = self.settings["gpu_request"]
        wanted["gpu_model"] = slurm.get("gpu_model") if cuda and request == "model" else None
        wanted["constraint"] = (
            slurm.get("constraint", slurm.get("gpu_model")) if cuda and request == "constraint" else None
        )
        return wanted


def _of(value: Any, hardware: str) -> Any:
    """Return what slurm/site.yaml sets for a hardware entry, as one value for all or by hardware; None if nothing.

    If `h200@STACK` has no value of its own, the value of `h200` is used.
    """
    if not isinstance(value, dict):
        return value
    return value.get(hardware, value.get(hardware.partition("@")[0]))


#: An option of sbatch in `extra`. `--wrap`, however it is abbreviated, would be another command to run.
OPTION = re.compile(r"--(?!wr)[a-z][a-z-]*(=.*)?")


def options_of(settings: dict[str, Any]) -> list[str]:
    """Return the words of `extra`. Raise NoisegridError if a word is not an option, or could run a command.

    The executor puts the words into a command of a shell, so they must be quoted again.
    """
    text = settings.get("extra", "")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise NoisegridError(f"{SITE}: extra: {text!r} has a quotation mark that is not closed; close it") from error
    for word in words:
        if not OPTION.fullmatch(word) or terminal(word) != word:
            raise NoisegridError(
                f"{SITE}: extra: {word!r} is not an option of sbatch that may be set here; write each option as --name "
                "or --name=value"
            )
    return words


def load_site(path: Path | None = None) -> Site:
    """Return the settings in slurm/site.yaml, completed with the defaults. Raise NoisegridError if they are invalid."""
    path = path or SITE
    settings = read_yaml(path) if path.exists() else {}
    check(settings, "site", str(path))
    options_of(settings)
    defaults = {key: value["default"] for key, value in schema("site")["properties"].items() if "default" in value}
    return Site(defaults | settings)
