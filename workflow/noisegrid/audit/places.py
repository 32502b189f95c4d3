"""Where in the user's code something happens: the innermost line that belongs to no library."""

import sys
import sysconfig
from pathlib import Path
from types import FrameType

import torch

import noisegrid

#: The folders of libraries. A line in one of them is not the user's.
LIBRARIES = tuple(
    str(Path(folder)) + "/"
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *torch.__path__,
        *noisegrid.__path__,
    }
)


def site() -> tuple[str, str]:
    """Return the place of the innermost line of the user, such as `train.py:12`, and the name of its function.

    Both are empty if no line of the user is running.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((*LIBRARIES, "<")):
            return f"{Path(path).name}:{frame.f_lineno}", frame.f_code.co_name
        frame = frame.f_back
    return "", ""


def in_library(name: str) -> bool:
    """Return whether the caller's caller is in the library of this name (as its own seeding of workers)."""
    return sys._getframe(2).f_globals.get("__name__", "").split(".")[0] == name
