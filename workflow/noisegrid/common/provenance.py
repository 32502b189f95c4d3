"""Which code this is: the working tree's commit, and the digest of the modules that decide what training does."""

import hashlib
import os
from functools import cache
from pathlib import Path

from noisegrid.common.commands import git
from noisegrid.common.schemas import WORKFLOW

TRAINING_MODULES = ("study/seeds", "training/noise", "training/loader", "networks", "training/train")
#: By which jobs in containers, where there is no git, are told what was asked outside: commit, and clean or changed.
TOLD = "NOISEGRID_TREE"


def source_digest(folder: Path) -> str:
    """Short digest of the training modules in a folder of the package's code. Raises OSError if one is missing."""
    text = b"".join((folder / f"{name}.py").read_bytes() for name in TRAINING_MODULES)
    return hashlib.sha256(text).hexdigest()[:16]


@cache
def tree() -> tuple[str | None, bool | None]:
    """The git commit of the working tree, and whether tracked files differ from it; None outside of a checkout."""
    if told := os.environ.get(TOLD, "").split():
        return told[0], told[1] == "changed"
    root = WORKFLOW.parent
    commit, changes = git(root, "rev-parse", "HEAD"), git(root, "status", "--porcelain", "--untracked-files=no")
    return (commit[0] if commit else None), (None if changes is None else bool(changes))


def telling() -> str:
    """The value by which jobs in containers are told; empty outside of a checkout."""
    commit, changed = tree()
    return f"{commit} {'changed' if changed else 'clean'}" if commit else ""
