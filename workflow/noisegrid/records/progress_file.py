"""How far a running replicate has come, in a small file beside its folder.

The process of a job writes it while the replicate trains, and deletes it afterwards. Nothing depends on it: it is what
`noisegrid status` and the live view show. A file that is missing, cut off or left by a killed process says nothing.
"""

import json
import math
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from noisegrid.common.files import replace_text


@dataclass(frozen=True)
class Reached:
    """How far a replicate has come.

    Attributes
    ----------
    process : str
        The process that trains it, as its lock file describes it.
    epoch, epochs : int
        The number of finished epochs, and of all epochs.
    part : float
        The finished part of the current epoch, from 0 to 1.
    loss : float or None
        The mean training loss of the last finished epoch; None before the first one has finished.
    """

    process: str
    epoch: int
    epochs: int
    part: float
    loss: float | None

    @property
    def share(self) -> float:
        """The finished share of the training, from 0 to 1."""
        return min(1.0, (self.epoch + self.part) / self.epochs)


def progress_file(folder: Path) -> Path:
    """Return the path of the progress file of a replicate, which is next to the replicate's folder."""
    return folder.with_name(f".{folder.name}.progress")


def write(folder: Path, reached: Reached) -> None:
    """Write the progress file of a replicate, or leave it as it is if the file system refuses."""
    with suppress(OSError):
        replace_text(progress_file(folder), json.dumps(asdict(reached)))


def remove(folder: Path) -> None:
    """Delete the progress file of a replicate, if there is one."""
    with suppress(OSError):
        progress_file(folder).unlink(missing_ok=True)


def read(folder: Path, process: str) -> Reached | None:
    """Return how far a replicate has come, or None if its progress file does not say so.

    Parameters
    ----------
    folder : Path
        The folder of the replicate.
    process : str
        The process that holds the lock of the replicate. What another process wrote is out of date.
    """
    try:
        found = json.loads(progress_file(folder).read_text(encoding="utf-8"))
        reached = Reached(**{field.name: found[field.name] for field in fields(Reached)})
        numbers = (reached.epoch, reached.epochs, reached.part, 0.0 if reached.loss is None else reached.loss)
        sound = all(math.isfinite(number) and number >= 0 for number in numbers[:3]) and math.isfinite(numbers[3])
        return reached if sound and reached.epochs > 0 and reached.process == process else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
