"""The container image of a stack: it is built from containers/image.def, or an image built elsewhere is used.

The container engine, the disk space and the mirror are checked before a build. An image gets its final name only when
it is complete, so a build that is killed leaves no partial image. `noisegrid build-image` calls this module.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256, write_atomically, write_text
from noisegrid.common.provenance import tree
from noisegrid.common.schemas import ROOT
from noisegrid.runtime.hardware import DEFINITION, Stack

ENGINES = ("apptainer", "singularity")
#: For a large image, zstd at a low compression level takes half the time of gzip, and the image is not larger. All file
#: times are set to 0, so that two builds differ less.
SQUASHFS = "-comp zstd -Xcompression-level 3 -all-time 0 -mkfs-time 0"


def engine() -> str:
    """Return the name of this machine's container engine. Raise NoisegridError if there is none."""
    found = next((name for name in ENGINES if shutil.which(name)), None)
    if found is None:
        raise NoisegridError(
            "no container engine on this machine: install Apptainer (apptainer.org) or load its module; to run without "
            "containers, leave out --sdm apptainer: jobs then run in Snakemake's own Python environment"
        )
    return found


def mirror(named: str | None, sources: Path = Path("/etc/apt")) -> str:
    """Return the Debian mirror for builds: `named` (from config.yaml), or else the one that this machine's apt uses."""
    if named:
        return named
    for path in sorted([*sources.glob("sources.list"), *sources.glob("sources.list.d/*")]):
        for line in path.read_text(errors="replace").splitlines():
            found = re.match(r"(?:deb(?:\s+\[.*?\])?|URIs:)\s+(\w+://\S+)", line.strip())
            if found and "security" not in found[1]:
                return found[1]
    raise NoisegridError("config: set debian_mirror to build images; apt on this machine has no mirror configured")


def check_disk(what: Stack, folder: Path) -> None:
    """Raise NoisegridError if the disk lacks the space to build a container image, so that no build fails halfway."""
    temporary = Path(os.environ.get("APPTAINER_TMPDIR") or tempfile.gettempdir())
    for place in {temporary, folder}:
        free = shutil.disk_usage(_existing(place)).free / 1e9
        if free < what.disk_gb:
            raise NoisegridError(
                f"building {what.name} needs {what.disk_gb:g} GB in {place}, but {free:.1f} GB are free; "
                "choose another disk with APPTAINER_TMPDIR, or another folder with `containers` in config.yaml"
            )


def build(what: Stack, output: Path, mirror_url: str) -> None:
    """Build the container image of a stack under a temporary name, and move it to `output` when it is complete."""
    check_disk(what, output.parent)
    pulled_file(output).unlink(missing_ok=True)
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


def pulled_file(image: Path) -> Path:
    """Return the path of the JSON file that states where an image was pulled from. No other image has such a file."""
    return image.with_suffix(".pulled.json")


def take(image: str, digest: str | None, output: Path) -> None:
    """Use a container image that was built elsewhere.

    Parameters
    ----------
    image : str
        The path of an image file, which is linked, or an OCI reference (with `://`), which is pulled. The reference is
        written to `pulled_file(output)`, with a key that states whether the reference or `digest` pins the image.
    digest : str or None
        The expected SHA-256; None to accept any image.
    output : Path
        The path of the image in the folder of container images.

    Raises
    ------
    NoisegridError
        If the file does not exist, the pull fails or the SHA-256 differs.
    """
    pulled_file(output).unlink(missing_ok=True)
    if "://" in image:
        pinned = digest is not None or "@sha256:" in image
        write_text(pulled_file(output), json.dumps({"reference": image, "pinned": pinned}) + "\n")
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
        raise NoisegridError(f"config: images: {image} has SHA-256 {found}, expected {digest}; the image was not kept")


def _into_place(output: Path, command: Callable[[Path], list[str]]) -> None:
    def make(temporary: Path) -> None:
        done = subprocess.run(command(temporary), cwd=ROOT, stdout=sys.stderr, check=False)
        if done.returncode or not temporary.is_file():
            raise NoisegridError(_why(output))

    write_atomically(output.absolute(), make)


#: A hint for ordinary users, who can build container images only if the site has set up user namespaces and fakeroot.
FAKEROOT = (
    "; building as an ordinary user needs user namespaces and fakeroot (apptainer.org): if the site does not allow "
    "them, build the image elsewhere and name its file in config.yaml (images)"
)


def _why(output: Path) -> str:
    """Return the error message for a failure of the container engine, which has already printed its own output."""
    hint = "" if os.geteuid() == 0 else FAKEROOT
    return f"the image {output} could not be created; see the output of the container engine above{hint}"


def _existing(path: Path) -> Path:
    return next(parent for parent in [path.resolve(), *path.resolve().parents] if parent.exists())
