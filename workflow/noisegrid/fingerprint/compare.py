"""The comparison of two fingerprints: which operators have other bits, and what differs between the machines."""

from collections import Counter
from dataclasses import dataclass

from noisegrid.common.errors import NoisegridError
from noisegrid.fingerprint.table import Bits, Conditions, Fingerprint

#: The exit code if operators differ.
DIFFERENT = 3


@dataclass(frozen=True)
class Difference:
    """What differs between two fingerprints.

    Attributes
    ----------
    pairs : tuple of (Bits, Bits)
        The hashes that differ: on the other machine, and here.
    operators : int
        The number of operators that were compared. An operator is a name with shapes.
    machine : tuple of (str, str, str)
        What differs between the machines: name, value there, value here.
    """

    pairs: tuple[tuple[Bits, Bits], ...]
    operators: int
    machine: tuple[tuple[str, str, str], ...]

    @property
    def exit_code(self) -> int:
        """0 if all bits are equal, otherwise DIFFERENT."""
        return DIFFERENT if self.pairs else 0

    def __str__(self) -> str:
        """Return what differs as a sentence."""
        differing = dict.fromkeys((here.name, here.shape) for _, here in self.pairs)
        if not differing:
            return f"all {self.operators} operators have the same bits"
        names = [f"{name} ({n} shapes)" if n > 1 else name for name, n in Counter(n for n, _ in differing).items()]
        return f"{len(differing)} of {self.operators} operators differ: {', '.join(names)}"


def check_comparable(here: Conditions, other: Fingerprint, path: object) -> None:
    """Check that a fingerprint was made under the conditions of this machine. Call this before anything is computed.

    Raises
    ------
    NoisegridError
        If it has other versions or other switches, so that bits would differ anyway.
    """
    for ours, theirs, remedy in (
        (here.version, other.conditions.version, "install the same versions"),
        (here.switch, other.conditions.switch, "choose the same --hardware"),
    ):
        for name in dict.fromkeys([*ours, *theirs]):
            if ours.get(name) != theirs.get(name):
                raise NoisegridError(
                    f"{path} cannot be compared: its {name} is {theirs.get(name) or 'not set'}, and here it is "
                    f"{ours.get(name) or 'not set'}; {remedy}"
                )


def compare(here: Fingerprint, other: Fingerprint, path: object) -> Difference:
    """Compare the fingerprint of this machine with another one, which was read from a file.

    Raises
    ------
    NoisegridError
        If they have other conditions, other operators or other inputs.
    """
    check_comparable(here.conditions, other, path)
    there = {each.what: each for each in other.bits}
    if there.keys() != {each.what for each in here.bits}:
        raise NoisegridError(
            f"{path} cannot be compared: noisegrid {other.machine.get('noisegrid', '')} wrote it for other operators; "
            "use the same release on both machines"
        )
    pairs = tuple((there[each.what], each) for each in here.bits if there[each.what] != each)
    if drawn := next((each for _, each in pairs if each.direction == "inputs"), None):
        raise NoisegridError(
            f"{path} cannot be compared: the inputs of {drawn.name} differ, although they are integers; report this"
        )
    names = dict.fromkeys([*other.machine, *here.machine])
    machine = ((name, other.machine.get(name, "unknown"), here.machine.get(name, "unknown")) for name in names)
    operators = {(each.name, each.shape) for each in here.bits}
    return Difference(pairs, len(operators), tuple(row for row in machine if row[1] != row[2]))
