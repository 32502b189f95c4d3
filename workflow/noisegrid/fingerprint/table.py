"""The file of a fingerprint: one CSV file with the processor, the versions, the switches and the hash of each operator.

Columns: kind, name, direction, shape, value. The first row states the version of the format, and the last one has a
digest of all rows before it, so that a truncated or edited file is noticed.
"""

import csv
from dataclasses import asdict, dataclass
from pathlib import Path

from noisegrid.common.errors import NoisegridError, why
from noisegrid.common.files import csv_text, short_digest, write_text
from noisegrid.common.versions import FINGERPRINT, check_version

COLUMNS = ("kind", "name", "direction", "shape", "value")
#: The kinds of rows that hold a value by name.
KINDS = ("machine", "version", "switch")
FORMAT, OPERATOR, DIGEST = "format", "operator", "digest"


@dataclass(frozen=True)
class Bits:
    """The hash of one direction of an operator.

    Attributes
    ----------
    name : str
        The name of the operator.
    direction : {"inputs", "forward", "backward"}
        What was hashed: the inputs, which are exact, the result, or the gradients of all inputs.
    shape : str
        The shapes of the inputs, such as `64x3x8x8 16x3x3x3`.
    value : str
        The first digits of the SHA-256 of the bits.
    """

    name: str
    direction: str
    shape: str
    value: str

    @property
    def what(self) -> tuple[str, str, str]:
        """What was hashed: name, shape and direction."""
        return self.name, self.shape, self.direction


@dataclass(frozen=True)
class Conditions:
    """What must be equal on two machines, so that their bits can be compared.

    Attributes
    ----------
    version : dict
        The versions of the libraries that compute.
    switch : dict
        The switches of a replicate in which `impl` is held, and those under which initial weights are drawn.
    """

    version: dict[str, str]
    switch: dict[str, str]


@dataclass(frozen=True)
class Fingerprint:
    """The bits of every operator on one machine.

    Attributes
    ----------
    machine : dict
        The processor and what else may differ between machines, such as the branch that MKL took.
    conditions : Conditions
        The versions and the switches.
    bits : tuple of Bits
        The hashes.
    """

    machine: dict[str, str]
    conditions: Conditions
    bits: tuple[Bits, ...]


def write(path: Path, found: Fingerprint) -> None:
    """Write the file of a fingerprint."""
    rows = [{"kind": FORMAT, "value": str(FINGERPRINT)}]
    named = zip(KINDS, (found.machine, found.conditions.version, found.conditions.switch), strict=True)
    rows += [{"kind": kind, "name": name, "value": value} for kind, each in named for name, value in each.items()]
    rows += [{"kind": OPERATOR, **asdict(each)} for each in found.bits]
    text = csv_text(rows, COLUMNS)
    write_text(path, text + csv_text([{"kind": DIGEST, "value": short_digest(text)}], COLUMNS).partition("\n")[2])


def read(path: Path) -> Fingerprint:
    """Read the file of a fingerprint.

    Raises
    ------
    NoisegridError
        If the file is missing, damaged, or of another version of the format.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoisegridError(f"cannot read {path}: {why(error)}; name a file that --output wrote") from error
    head, _, last = text.rstrip("\n").rpartition("\n")
    if not text.startswith(",".join(COLUMNS) + "\n"):
        raise NoisegridError(f"{path} is no fingerprint; name a file that noisegrid fingerprint --output wrote")
    rows = list(csv.DictReader(text.splitlines()))
    if rows and rows[0]["kind"] == FORMAT:
        stated = rows[0]["value"]
        check_version(int(stated) if stated.isdigit() else stated, FINGERPRINT, f"{path} (a fingerprint)")
    if last != f"{DIGEST},,,,{short_digest(head + chr(10))}":
        raise NoisegridError(f"{path} is truncated or edited; write it again with noisegrid fingerprint --output")
    machine, version, switch = ({row["name"]: row["value"] for row in rows if row["kind"] == kind} for kind in KINDS)
    bits = (Bits(*(row[column] for column in COLUMNS[1:])) for row in rows if row["kind"] == OPERATOR)
    return Fingerprint(machine, Conditions(version, switch), tuple(bits))
