"""Errors that the user can fix. Each is printed as one sentence: the problem and the remedy, without a traceback."""

import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches


class NoisegridError(Exception):
    """A problem that the user can fix; the message states the key, cell or file that is wrong, and the remedy."""


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Return a sentence about an unknown name; it suggests the nearest valid name, or lists all if none is near."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    return f"unknown {kind} {name!r}; {hint}"


def exit_on_error(main: Callable[[], int | None]) -> None:
    """Run a command and exit with its return code; print a NoisegridError as one line on stderr and exit with 1."""
    try:
        code = main()
    except NoisegridError as error:
        print(f"noisegrid: {error}", file=sys.stderr)
        code = 1
    sys.exit(code)
