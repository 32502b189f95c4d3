"""The reason why a noise has no effect on a task. This module reads the network catalog, so that `sources` need not."""

from noisegrid.common.schemas import catalog
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import NOISES, UNKNOWN


def why_missing(noise: str, task: Task, hardware: Hardware) -> str:
    """Return why a noise would change nothing, or an empty string if it has an effect."""
    return NOISES[noise].missing(task, hardware, catalog("networks").get(task.network, UNKNOWN))
