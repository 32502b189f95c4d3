"""The inspection of a container image, which compares the installed packages with the requirements of the stack.

The result contains the versions of the software, the GPU generations for which the wheels contain kernels, and the
digests of the image and of the installed files. The inspection fails if the image does not meet a requirement of its
stack in workflow/catalog/stacks.yaml. `noisegrid inspect-image` calls this module inside the image.
"""

import hashlib
import platform
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256
from noisegrid.runtime import container
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
        The description: versions, digests, and the size of the image in bytes.

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
    if what.cuda:
        found |= framework()
    check(what, found)
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
