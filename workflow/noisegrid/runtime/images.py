"""Make a stack's image: build it from containers/image.def, or take one that was made elsewhere.

Checked before any work: a container engine, the disk, the mirror. An image gets its name only when it is whole, so that
a build that is killed leaves nothing that could be used.
Command: python -m noisegrid.images --stack analysis --output resources/containers/analysis.sif [--image PATH|OCI]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256, write_atomically
from noisegrid.common.provenance import tree
from noisegrid.runtime.hardware import DEFINITION, ROOT, Stack

ENGINES = ("apptainer", "singularity")
#: zstd at a low level: a large image in half the time of gzip and no larger; no times, so that two builds differ less.
SQUASHFS = "-comp zstd -Xcompression-level 3 -all-time 0 -mkfs-time 0"


def engine() -> str:
    """The container engine of this machine."""
    found = next((name for name in ENGINES if shutil.which(name)), None)
    if found is None:
        raise NoisegridError(
            "no container engine on this machine: install Apptainer (apptainer.org), or load its module; without it, "
            "leave out --sdm apptainer, and jobs run in the Python environment that Snakemake runs in"
        )
    return found


def mirror(named: str | None, sources: Path = Path("/etc/apt")) -> str:
    """The Debian mirror to build from: as config.yaml names it, or what this machine's own apt uses."""
    if named:
        return named
    for path in sorted([*sources.glob("sources.list"), *sources.glob("sources.list.d/*")]):
        for line in path.read_text(errors="replace").splitlines():
            found = re.match(r"(?:deb(?:\s+\[.*?\])?|URIs:)\s+(\w+://\S+)", line.strip())
            if found and "security" not in found[1]:
                return found[1]
    raise NoisegridError("config: name a Debian mirror to build images from (debian_mirror: ...); apt here names none")


def check_disk(what: Stack, folder: Path) -> None:
    """A build that runs out of disk fails after minutes; say so before."""
    temporary = Path(os.environ.get("APPTAINER_TMPDIR") or tempfile.gettempdir())
    for place in {temporary, folder}:
        free = shutil.disk_usage(_existing(place)).free / 1e9
        if free < what.disk_gb:
            raise NoisegridError(
                f"building {what.name} takes {what.disk_gb:g} GB in {place}, and {free:.1f} GB are free; "
                "name another disk with APPTAINER_TMPDIR, or another folder with `containers` in config.yaml"
            )


def build(what: Stack, output: Path, mirror_url: str) -> None:
    """Build the image under another name and move it into place when it is whole."""
    check_disk(what, output.parent)
    arguments = {
        "MIRROR": mirror_url,
        "STACK": what.name,
        "DEFINITION": what.definition,
        "COMMIT": tree()[0] or "unknown",
        "EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "0"),
    }
    command = [engine(), "build", "--force", "--mksquashfs-args", SQUASHFS]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    _into_place(output, lambda path: [*command, str(path), str(DEFINITION)])


def take(image: str, digest: str | None, output: Path) -> None:
    """Use an image that was made elsewhere: a file is linked, anything else is an OCI reference and is pulled."""
    if "://" in image:
        _into_place(output, lambda path: [engine(), "pull", "--force", str(path), image])
    else:
        source = Path(image).resolve()
        if not source.is_file():
            raise NoisegridError(f"config: images: there is no file {image}")
        output.unlink(missing_ok=True)
        output.symlink_to(source)
    found = sha256(output) if digest else None
    if found != digest:
        output.unlink()
        raise NoisegridError(f"config: images: {image} has the SHA-256 {found}, and not {digest}; nothing was kept")


def _into_place(output: Path, command: Callable[[Path], list[str]]) -> None:
    def make(temporary: Path) -> None:
        done = subprocess.run(command(temporary), cwd=ROOT, stdout=sys.stderr, check=False)
        if done.returncode or not temporary.is_file():
            raise NoisegridError(_why(output))

    write_atomically(output.absolute(), make)


#: What an ordinary user needs, since building is root's unless the site has set this up.
FAKEROOT = (
    "; building as an ordinary user needs user namespaces and fakeroot (apptainer.org): where the site does not allow "
    "it, build elsewhere and name the file in config.yaml (images)"
)


def _why(output: Path) -> str:
    """What to try when the engine failed; its own words stand above."""
    hint = "" if os.geteuid() == 0 else FAKEROOT
    return f"the image {output} could not be made, see the engine's own words above{hint}"


def _existing(path: Path) -> Path:
    return next(parent for parent in [path.resolve(), *path.resolve().parents] if parent.exists())
