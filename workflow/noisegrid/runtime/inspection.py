"""The inspection of a container image, which compares the installed packages with the requirements of the stack.

The result contains the versions of the software, the GPU generations for which the wheels contain kernels, and the
digests of the image and of the installed files. The inspection fails if the image does not meet a requirement of its
stack in workflow/catalog/stacks.yaml. `noisegrid inspect-image` calls this module inside the image.

The definition of an image pins its Python packages, but not its Debian packages. Therefore the result lists them, and
an image that is built again is compared with the earlier build.
"""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256
from noisegrid.runtime import container, images
from noisegrid.runtime.hardware import Stack


def inspect(what: Stack, image: Path) -> dict[str, Any]:
    """Inspect the container image that this process runs in, and return the description of the image.

    Parameters
    ----------
    what : Stack
        The stack that the image must contain.
    image : Path
        The path of the image that this process runs in.

    Returns
    -------
    dict
        The description: versions, digests, and the size of the image in bytes. For an image that was pulled, it also
        contains the reference. For an image that was built again with other Debian packages, `earlier_builds` lists
        what changed after each build.

    Raises
    ------
    NoisegridError
        If this process does not run in an image, or if the image does not meet a requirement of the stack. The message
        states the first such requirement.
    """
    inside = container.about()
    if inside is None:
        raise NoisegridError(
            f"{image} must be inspected from inside, but this process does not run in a noisegrid image"
        )
    found: dict[str, Any] = {
        "stack": what.name,
        "definition": inside["definition"],
        "commit": inside["commit"],
        "image": str(image),
        "image_sha256": sha256(image),
        "image_bytes": image.stat().st_size,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in what.packages},
        "installed_sha256": installed_digest(),
    }
    if debian := debian_packages():
        found |= {"debian_sha256": _digest(f"{name} {value}" for name, value in debian.items()), "debian": debian}
    if images.pulled_file(image).exists():
        found |= json.loads(images.pulled_file(image).read_text())
    if what.cuda:
        found |= framework()
    check(what, found)
    earlier = image.with_suffix(".json")
    if earlier.exists():
        found |= earlier_builds(json.loads(earlier.read_text()), found)
    return found


def framework() -> dict[str, Any]:
    """Return the versions of PyTorch, CUDA, cuDNN and NCCL, and the GPU generations for which PyTorch has kernels."""
    import torch

    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "nccl": ".".join(map(str, torch.cuda.nccl.version())),
        # without a GPU, torch.cuda.get_arch_list() returns an empty list; with a GPU, it calls this function
        "arch": (torch._C._cuda_getArchFlags() or "").split(),
    }


def installed_digest() -> str:
    """Return the SHA-256 of a list of the installed files and their digests.

    The digest of each file is read from its package's RECORD file. Files without a digest there are not in the list.
    """
    lines = []
    for distribution in distributions():
        for file in distribution.files or []:
            if file.hash is not None:
                lines.append(f"{distribution.name} {distribution.version} {file} {file.hash.value}")
    return _digest(lines)


def debian_packages() -> dict[str, str]:
    """Return the version of each Debian package; an empty dictionary if the image is of another distribution."""
    if shutil.which("dpkg-query") is None:
        return {}
    command = ["dpkg-query", "--show", "--showformat=${binary:Package} ${Version}\n"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


def earlier_builds(old: dict[str, Any], new: dict[str, Any], most: int = 10) -> dict[str, Any]:
    """Compare the Debian packages of two builds of one definition, and print the differences for the log.

    Parameters
    ----------
    old, new : dict
        The descriptions of the two images. A description by an earlier release lists no Debian packages.
    most : int
        The number of differences that are printed.

    Returns
    -------
    dict
        The key `earlier_builds`: the builds that `old` lists and, if the packages differ, the build `old` itself. Each
        has its digests and what changed after it. The dictionary is empty if there is no such build.
    """
    if old["definition"] != new["definition"]:
        return {}
    builds = list(old.get("earlier_builds", []))
    before, now = old.get("debian", {}), new.get("debian", {})
    changes = [
        f"{name} {before.get(name, 'absent')} -> {now.get(name, 'absent')}"
        for name in sorted(before.keys() | now.keys())
        if before and before.get(name) != now.get(name)
    ]
    if changes:
        builds.append({key: old[key] for key in ("image_sha256", "debian_sha256")} | {"changes": changes})
        print(
            f"{new['image']} was built again, with other Debian packages (changed: {len(changes)}):",
            *changes[:most],
            *([f"and {len(changes) - most} more"] if len(changes) > most else []),
            "Finished replicates are kept; each record has the digest of its packages (container.debian_sha256).",
            sep="\n",
            file=sys.stderr,
        )
    return {"earlier_builds": builds} if builds else {}


def _digest(lines: Iterable[str]) -> str:
    """Return the SHA-256 of lines in alphabetical order."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def check(what: Stack, found: dict[str, Any]) -> None:
    """Compare the description of a container image with its stack. Raise NoisegridError for the first difference."""
    required: dict[str, Any] = {f"packages.{name}": value for name, value in what.packages.items()}
    actual: dict[str, Any] = {f"packages.{name}": value.partition("+")[0] for name, value in found["packages"].items()}
    if what.cuda:
        required["cuda"], actual["cuda"] = what.cuda, found["cuda"]
    for key, value in required.items():
        if actual[key] != value:
            raise NoisegridError(f"image of {what.name}: {key} is {actual[key]}, but the stack requires {value}")
    missing = sorted(set(what.arch) - set(found.get("arch", [])))
    if missing:
        raise NoisegridError(
            f"image of {what.name}: the wheels have no kernels for {', '.join(missing)}, but the stack requires them "
            f"(there are kernels for {', '.join(found['arch'])})"
        )
