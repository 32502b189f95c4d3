"""Files that others have published: each is checked against the checksum that the catalog has."""

from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256
from noisegrid.common.schemas import catalog


def check_published(dataset: str, path: Path) -> None:
    """Check a file of a dataset against the SHA-256 that the dataset's entry in the catalog has for its name.

    Raises
    ------
    NoisegridError
        If there is no such file, or if it has another checksum.
    """
    expected = catalog("datasets")[dataset]["checksums"][path.name].removeprefix("sha256:")
    if not path.is_file():
        raise NoisegridError(f"there is no file {path}; correct dataset_folders.{dataset}, or remove this key")
    if sha256(path) != expected:
        raise NoisegridError(
            f"{path} is not the published file: its SHA-256 differs from {expected}, so it is truncated or changed; "
            "get it again"
        )
