"""The version of the code: the release, the commit of the working tree, and digests of the code that trains."""

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from noisegrid.common.commands import git
from noisegrid.common.dependencies import code_digest, function_digest
from noisegrid.common.files import short_digest
from noisegrid.common.schemas import PACKAGE, ROOT

#: The modules that determine how every network is trained.
TRAINING_MODULES = (
    "study/seeds", "training/noise", "training/loader", "training/prefetch", "training/augmentation",
    "training/convolutions", "training/compilation", "training/initial", "training/weights", "training/optimizers",
    "training/schedules", "training/losses", "training/averages", "training/step", "training/own_trainer",
    "training/ranks", "training/rank_processes", "training/train", "data/form", "runtime/xla",
)  # fmt: skip
#: The environment variable that tells jobs the state of the working tree, or the digest of the wheel. Jobs in
#: containers need it, because containers have neither git nor the installed wheel.
TREE_VARIABLE = "NOISEGRID_TREE"


def training_digest(package: Path = PACKAGE) -> str:
    """Return a short digest of the code that trains every network, in the given folder of the package.

    Raises
    ------
    OSError
        If a module is missing.
    """
    return code_digest(package / f"{name}.py" for name in TRAINING_MODULES)


def network_digest(build: str, package: Path = PACKAGE) -> str | None:
    """Return a short digest of the code that builds a network, in the given folder of the package.

    Parameters
    ----------
    build : str
        The function that builds the network, as package.module:function.
    package : Path
        The folder of the package.

    Returns
    -------
    str or None
        The digest. None if the function is not part of this package: the settings of a task contain the digest of a
        user's own network, and the record contains the versions of libraries.
    """
    module, _, function = build.partition(":")
    if not module.startswith(f"{PACKAGE.name}."):
        return None
    return function_digest(package.joinpath(*module.split(".")[1:]).with_suffix(".py"), function)


def code_digests(build: str, package: Path = PACKAGE) -> dict[str, str | None]:
    """Return the digests that a record states of the code: one of the training code, and one of the network's code."""
    return {"training_digest": training_digest(package), "network_digest": network_digest(build, package)}


@cache
def tree() -> tuple[str | None, bool | None]:
    """Return the git commit of the working tree, and whether tracked files differ from that commit.

    Outside a git checkout, both values are None.
    """
    passed = os.environ.get(TREE_VARIABLE, "").split()
    if passed:
        return (passed[0], passed[1] == "changed") if passed[0] != "wheel" else (None, None)
    if not (ROOT / ".git").exists():  # otherwise git would find the repository that contains the environment
        return None, None
    commit, changes = git(ROOT, "rev-parse", "HEAD"), git(ROOT, "status", "--porcelain", "--untracked-files=no")
    return (commit[0] if commit else None), (None if changes is None else bool(changes))


def tree_value() -> str:
    """Return the value for TREE_VARIABLE.

    It consists of the commit and `clean` or `changed`, or of `wheel` and the digest of the installed wheel. It is empty
    if neither is known.
    """
    commit, changed = tree()
    if commit:
        return f"{commit} {'changed' if changed else 'clean'}"
    return f"wheel {digest}" if (digest := wheel_digest()) else ""


@cache
def wheel_digest() -> str | None:
    """Return a short digest of the files that the installed wheel contained; None if no wheel is installed.

    The digest covers the names and the checksums of the package's files, as the wheel states them.
    """
    passed = os.environ.get(TREE_VARIABLE, "").split()
    if passed:
        return passed[1] if passed[0] == "wheel" else None
    try:
        files = distribution("noisegrid").files or []
    except PackageNotFoundError:
        return None
    stated = sorted(f"{file}={file.hash.value}" for file in files if file.parts[0] == "noisegrid" and file.hash)
    return short_digest("\n".join(stated)) if stated else None
