"""The versions of the formats of files, and the messages about files of other versions."""

from noisegrid.common.errors import NoisegridError
from noisegrid.common.escape import terminal

#: The version of each format that this release writes. It increases when a reader of the earlier version would fail.
METRICS, OVERHEAD, RECORD, CRATE, DESIGN = 3, 3, 3, 3, 2
GATE, FLOOR, LEDGER, FINGERPRINT, TRACE = 1, 1, 1, 1, 1
#: The last release that reads a version which this release does not read.
RELEASES = {1: "0.1", 2: "0.2"}


def check_version(found: object, current: int, what: str, also: tuple[int, ...] = ()) -> None:
    """Check that this release reads a version of a format.

    Parameters
    ----------
    found : object
        The version that a file states; 1 if it states none.
    current : int
        The version that this release writes.
    what : str
        The path of the file, and what it is, for the message.
    also : tuple of int
        Earlier versions that this release reads too.

    Raises
    ------
    NoisegridError
        If the version is another one. The message says which release reads it.
    """
    if found == current or found in also:
        return
    if isinstance(found, int) and found in RELEASES:
        remedy = f"noisegrid {RELEASES[found]} reads it"
    else:
        remedy = "a later release of noisegrid reads it"
    shown = terminal(str(found))
    raise NoisegridError(
        f"{what} has version {shown} of its format, but this release reads version {current}; {remedy}"
    )
