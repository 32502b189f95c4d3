"""The reason why a noise has no effect on a task: its settings say so, or what the catalog says of its network."""

from noisegrid.common.schemas import catalog
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import NOISES


def why_missing(noise: str, task: Task, hardware: Hardware) -> str:
    """Return why a noise would change nothing, or an empty string if it has an effect.

    What a network outside the catalog contains is not known, so `atomics` is never missing for it on a GPU.
    """
    if why := NOISES[noise].missing(task, hardware):
        return why
    known = catalog("networks").get(task.network)
    if noise == "atomics" and known and not known.get("atomics"):
        return "has no operator outside cuDNN that uses atomic additions"
    return ""
