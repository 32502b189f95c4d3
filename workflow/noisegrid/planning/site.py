"""What a job asks its scheduler for, by hardware and site (slurm/site.yaml). Outside a cluster only `gpu` matters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from noisegrid.common.schemas import check, read_yaml, schema
from noisegrid.runtime.hardware import ROOT, entry

SITE = ROOT / "slurm" / "site.yaml"
#: The resources that a site decides on.
RESOURCES = (
    "gpu", "gpu_model", "constraint", "mem_mb", "runtime", "slurm_account", "slurm_partition", "slurm_extra"
)  # fmt: skip


@dataclass(frozen=True)
class Site:
    """The site's file, complete; the schema's defaults where there is none."""

    settings: dict[str, Any]

    def resources(
        self, hardware: str, attempt: int, alone: bool = False, refused: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Snakemake resources of a training or timing job; None leaves one out.

        runtime: minutes, more at each attempt. mem_mb: MB. alone: nothing else may run on the node.
        refused: nodes on which earlier attempts found another device.
        """
        found = entry(hardware)
        cuda, slurm = found["device"] == "cuda", found.get("slurm", {})
        partition = self.settings.get("partition")
        avoided = f"--exclude={','.join(refused)}" if refused else ""
        options = ["--exclusive" if alone else "", avoided, self.settings.get("extra")]
        wanted = {
            "gpu": int(cuda),
            "runtime": attempt * self.settings["minutes_per_job"],
            "mem_mb": self.settings["memory_mb"],
            "slurm_extra": " ".join(filter(None, options)) or None,
            "slurm_account": self.settings.get("account"),
            "slurm_partition": _of(partition, hardware) if isinstance(partition, dict) else partition,
        }
        request = self.settings["gpu_request"]
        wanted["gpu_model"] = slurm.get("gpu_model") if cuda and request == "model" else None
        wanted["constraint"] = (
            slurm.get("constraint", slurm.get("gpu_model")) if cuda and request == "constraint" else None
        )
        return wanted


def _of(partitions: dict[str, str], hardware: str) -> str | None:
    """A hardware's partition; one with a stack of its own (`h200@torch2.7-cu126`) needs no other entry."""
    return partitions.get(hardware, partitions.get(hardware.partition("@")[0]))


def load_site() -> Site:
    """Read slurm/site.yaml, if there is one. Raises NoisegridError that names the key."""
    settings = read_yaml(SITE) if SITE.exists() else {}
    check(settings, "site", str(SITE))
    defaults = {key: value["default"] for key, value in schema("site")["properties"].items() if "default" in value}
    return Site(defaults | settings)
