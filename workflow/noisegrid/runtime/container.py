"""The container image that this process runs in, and the check that a job runs in the image that it requires."""

import json
import os
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime.environment import HERE, environment_digest

#: A file that containers/image.def writes into every image. The file does not exist outside images.
ABOUT = Path("/opt/noisegrid/image.json")


def about() -> dict[str, str] | None:
    """Return the stack, definition digest and commit of the image that this process runs in; None outside an image."""
    if not running_in_one():
        return None
    if not ABOUT.is_file():  # an image of the site, which is described by what is installed in it
        return {"stack": HERE, "definition": environment_digest(), "commit": "unknown"}
    found: dict[str, str] = json.loads(ABOUT.read_text())
    return found


def running_in_one() -> bool:
    """Return whether Apptainer (or Singularity) started this process."""
    return bool(os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER"))


def check_inside(inspection: Path | None) -> dict[str, Any] | None:
    """Check that this process runs in the required image, if any, and return the description of the image.

    Parameters
    ----------
    inspection : Path or None
        The path of the JSON file that `noisegrid inspect-image` wrote inside the required image; None if the job
        requires no image.

    Returns
    -------
    dict or None
        The description that is written to the record of a replicate. It contains the stack and the definition digest of
        the image and, if the job requires an image, also its commit, path and other digests. If the image was pulled,
        it contains the reference and whether this was pinned. None outside an image.

    Raises
    ------
    NoisegridError
        If the job does not run inside the required image.
    """
    inside = about()
    if inspection is None:
        return None if inside is None else {"definition": inside["definition"], "stack": inside["stack"]}
    expected = json.loads(inspection.read_text())
    if inside is None:
        raise NoisegridError(
            f"this job requires the image {expected['image']}, but runs outside any container: Snakemake ignores "
            "`container:` unless it is called with --sdm apptainer"
        )
    same_stack = expected["stack"] in (inside["stack"], HERE)  # any image may be the one for `here`
    if not same_stack or inside["definition"] != expected["definition"]:
        raise NoisegridError(
            f"this job requires the image {expected['image']} ({expected['definition']}), but runs in another image "
            f"({inside['stack']}, {inside['definition']})"
        )
    keys = ("stack", "definition", "commit", "image", "image_sha256", "installed_sha256")
    # an earlier release wrote none of these; an image that was not pulled has no reference
    optional = ("debian_sha256", "reference", "pinned")
    return {key: expected[key] for key in keys} | {key: expected[key] for key in optional if key in expected}
