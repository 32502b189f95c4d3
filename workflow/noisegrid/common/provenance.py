"""The version of the code: the commit of the working tree, and the digest of the modules that determine training."""

import hashlib
import os
from functools import cache
from pathlib import Path

from noisegrid.common.commands import git
from noisegrid.common.schemas import WORKFLOW

TRAINING_MODULES = ("study/seeds", "training/noise", "training/loader", "networks", "training/train")
#: The environment variable that gives jobs the state of the working tree. Jobs in containers need it: they lack git.
TREE_VARIABLE = "NOISEGRID_TREE"


def source_digest(folder: Path) -> str:
    """Return a short digest of the TRAINING_MODULES below a package folder. Raise OSError if a module is missing."""
    text = b"".join((folder / f"{name}.py").read_bytes() for name in TRAINING_MODULES)
    return hashlib.sha256(text).hexdigest()[:16]


@cache
def tree() -> tuple[str | None, bool | None]:
    """Return the git commit of the working tree, and whether tracked files differ from that commit.

    Outside a git checkout, both values are None.
    """
    if passed := os.environ.get(TREE_VARIABLE, "").split():
        return passed[0], passed[1] == "changed"
    root = WORKFLOW.parent
    commit, changes = git(root, "rev-parse", "HEAD"), git(root, "status", "--porcelain", "--untracked-files=no")
    return (commit[0] if commit else None), (None if changes is None else bool(changes))


def tree_value() -> str:
    """Return the value for TREE_VARIABLE: the commit and `clean` or `changed`; empty outside a git checkout."""
    commit, changed = tree()
    return f"{commit} {'changed' if changed else 'clean'}" if commit else ""
