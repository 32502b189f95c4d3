"""The image that a process runs in: what it says of itself, and whether it is the one that the job was meant for."""

import json
import os
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError

#: Written into every image when it is built (containers/image.def); outside of one, there is no such file.
ABOUT = Path("/opt/noisegrid/image.json")


def about() -> dict[str, str] | None:
    """Stack, definition digest and commit of the image that this process runs in; None outside."""
    if not running_in_one() or not ABOUT.is_file():
        return None
    found: dict[str, str] = json.loads(ABOUT.read_text())
    return found


def running_in_one() -> bool:
    """Whether Apptainer (or Singularity) started this process."""
    return bool(os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER"))


def check_inside(inspection: Path | None) -> dict[str, Any] | None:
    """What a record says about its container. Raises NoisegridError if a job is not inside the image it was meant for.

    inspection: the JSON that was written inside that image; None for a job that needs none.
    """
    inside = about()
    if inspection is None:
        return None if inside is None else {"definition": inside["definition"], "stack": inside["stack"]}
    expected = json.loads(inspection.read_text())
    if inside is None:
        raise NoisegridError(
            f"this job is meant for the image {expected['image']}, but runs outside of any: Snakemake ignores "
            "`container:` unless it is called with --sdm apptainer"
        )
    if (inside["stack"], inside["definition"]) != (expected["stack"], expected["definition"]):
        raise NoisegridError(
            f"this job is meant for the image {expected['image']} ({expected['definition']}), but runs in another "
            f"({inside['stack']}, {inside['definition']})"
        )
    keys = ("stack", "definition", "commit", "image", "image_sha256", "installed_sha256")
    return {key: expected[key] for key in keys}
