"""Fingerprints and their differences as text for a terminal."""

from noisegrid.common.escape import terminal
from noisegrid.common.text import aligned
from noisegrid.fingerprint.compare import Difference
from noisegrid.fingerprint.table import Fingerprint

#: How many digits of a hash a table shows. The file has all of them.
SHOWN = 8


def described(found: Fingerprint) -> list[str]:
    """Return the lines about machine, versions and switches."""
    named = {"machine": found.machine, "versions": found.conditions.version, "switches": found.conditions.switch}
    return [f"{title}: {', '.join(f'{name} {value}' for name, value in each.items())}" for title, each in named.items()]


def table(found: Fingerprint) -> list[str]:
    """Return the lines of the table of operators: one operator a line, with the hash of each direction."""
    hashes = {each.what: each.value[:SHOWN] for each in found.bits}
    operators = dict.fromkeys(what[:2] for what in hashes)
    rows = [
        (*each, *(hashes.get((*each, direction), "") for direction in ("forward", "backward"))) for each in operators
    ]
    return aligned([("operator", "shapes", "forward", "backward"), *rows])


def differences(found: Difference) -> list[str]:
    """Return the lines about two machines: the hashes that differ, what differs between them, and a sentence."""
    rows = [(*here.what, there.value[:SHOWN], here.value[:SHOWN]) for there, here in found.pairs]
    shown = aligned([("operator", "shapes", "direction", "there", "here"), *rows]) if rows else []
    machine = [f"{name}: {there} -> {here}" for name, there, here in found.machine]
    return [terminal(line) for line in (*shown, *machine, str(found))]
