"""Errors that are the user's to mend: one sentence that names the thing and the remedy, and no traceback."""

import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches


class NoisegridError(Exception):
    """Something the user can mend; the message names the key, cell or file and says how."""


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that `name` is no known `kind`, with the nearest valid name, or all of them if none is near."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    return f"unknown {kind} {name!r}; {hint}"


def exit_on_error(main: Callable[[], int | None]) -> None:
    """Run a command; print a NoisegridError as one line on stderr and exit with 1."""
    try:
        code = main()
    except NoisegridError as error:
        print(f"noisegrid: {error}", file=sys.stderr)
        code = 1
    sys.exit(code)
