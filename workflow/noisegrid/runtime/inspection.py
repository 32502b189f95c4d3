"""Look at an image from inside: what is really installed, held against what its stack promises. Run in the image.

Writes: a JSON with versions, GPU generations of the wheels, NCCL, and digests of the image and of what is installed.
Fails when the image is not what workflow/catalog/stacks.yaml says.
Command (inside): python -m noisegrid.inspection --stack torch2.12-cu130 --image IMAGE.sif --output IMAGE.json
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
    """What is found inside. Raises NoisegridError naming the first promise that is not kept."""
    inside = container.about()
    if inside is None:
        raise NoisegridError(f"{image} is to be inspected from inside, and this process runs in no image of noisegrid")
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
    """The framework's own account of itself."""
    import torch

    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "nccl": ".".join(map(str, torch.cuda.nccl.version())),
        # torch.cuda.get_arch_list() is empty where there is no GPU; this is what it reads
        "arch": (torch._C._cuda_getArchFlags() or "").split(),
    }


def installed_digest() -> str:
    """SHA-256 over every installed file's path and digest, as the wheels' own lists (RECORD) have them."""
    lines = []
    for distribution in distributions():
        for file in distribution.files or []:
            if file.hash is not None:
                lines.append(f"{distribution.name} {distribution.version} {file} {file.hash.value}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def check(what: Stack, found: dict[str, Any]) -> None:
    """Hold what was found against what the stack promises."""
    promised: dict[str, Any] = {f"packages.{name}": value for name, value in what.packages.items()}
    actual: dict[str, Any] = {f"packages.{name}": value.partition("+")[0] for name, value in found["packages"].items()}
    if what.cuda:
        promised["cuda"], actual["cuda"] = what.cuda, found["cuda"]
    for key, value in promised.items():
        if actual[key] != value:
            raise NoisegridError(f"image of {what.name}: {key} is {actual[key]}, and the stack promises {value}")
    missing = sorted(set(what.arch) - set(found.get("arch", [])))
    if missing:
        raise NoisegridError(
            f"image of {what.name}: no kernels for {', '.join(missing)}, which the stack promises "
            f"(the wheels have {', '.join(found['arch'])})"
        )
