"""Notes about nodes whose device is not the one that a job requires. The job avoids these nodes in later attempts."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from noisegrid.common.files import write_text
from noisegrid.common.paths import StudyPaths
from noisegrid.runtime import devices
from noisegrid.runtime.hardware import entry

#: What the name of a node may look like.
NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@contextmanager
def claimed(gpu: str, results: Path | None, name: str) -> Iterator[str | None]:
    """Check the processor and the TPU, and claim the GPU that a job requires, if any.

    If the node lacks the required GPU model, TPU or processor features, write a note about the node, and raise
    WrongDevice. Outside SLURM, no note is written.

    Parameters
    ----------
    gpu : str
        The text that the name of the GPU must contain; empty for a CPU.
    results : Path or None
        The folder of the study, in which the note is written. If it is None, no note is written.
    name : str
        The name of the hardware entry.

    Yields
    ------
    str or None
        The UUID of the GPU; None on a CPU, or if a scheduler has already chosen the GPU.
    """
    try:
        devices.check_host(name, entry(name))
        with devices.claim(gpu) if gpu else nullcontext() as uuid:
            yield uuid
    except devices.WrongDevice as error:
        if (node := os.environ.get("SLURMD_NODENAME")) and results is not None:
            write_text(_folder(results, name) / node, f"{error}\n")
        raise


def settle(results: Path, name: str, model: str | None) -> None:
    """Check that all jobs of a study on a hardware entry run on exactly the same device model.

    An entry may match several models, such as a V100 with 16 GB and a V100 with 32 GB. The first job on the entry
    decides which model all later jobs must have.

    Parameters
    ----------
    results : Path
        The folder of the study.
    name : str
        The name of the hardware entry.
    model : str or None
        The model of this job's device. If it is None (unknown), nothing is checked.

    Raises
    ------
    WrongDevice
        If an earlier job of the study ran on a different model.
    """
    if model is None:
        return
    place = Path(StudyPaths.below(results).device(name))
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        mine = place.with_name(f".{name}.{os.uname().nodename}.{os.getpid()}")
        mine.write_text(f"{model}\n")
        try:
            os.link(mine, place)  # a link appears with its full content, and only the first job can create it
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    settled = place.read_text().strip()
    if settled != model:
        raise devices.WrongDevice(
            f"the first job of this study on {name} ran on {settled}, but this device is {model}; all replicates must "
            "use one model: restrict jobs to nodes of one kind (slurm/site.yaml), or add your own hardware to the "
            f"catalog (to start again, delete {place} and the replicates)"
        )


def nodes(results: Path, name: str) -> list[str]:
    """Return the nodes on which jobs for a hardware entry did not find the required device.

    Files whose name cannot be that of a node are ignored, because the names reach the command line of sbatch.
    """
    place = _folder(results, name)
    return sorted(path.name for path in place.iterdir() if NODE.fullmatch(path.name)) if place.is_dir() else []


def _folder(results: Path, name: str) -> Path:
    return Path(StudyPaths.below(results).refused(name))
