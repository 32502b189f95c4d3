"""Which modules' text decides what training does; their digest stands in every record."""

import hashlib
from pathlib import Path

TRAINING_MODULES = ("seeds", "noise", "batches", "networks", "train")


def source_digest(folder: Path) -> str:
    """Short digest of the training modules in a folder of the package's code. Raises OSError if one is missing."""
    text = b"".join((folder / f"{name}.py").read_bytes() for name in TRAINING_MODULES)
    return hashlib.sha256(text).hexdigest()[:16]
