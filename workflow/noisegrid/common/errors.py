"""Problems that the user can fix. Each is printed as one sentence with problem and remedy, without a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches

from noisegrid.common.escape import terminal


class NoisegridError(Exception):
    """A problem that the user can fix; the message states the key, cell or file that is wrong, and the remedy."""

    #: The exit code of the command in which the problem occurs.
    exit_code = 1
    #: Further problems of the same kind in the same place, which only `noisegrid check` prints.
    more: tuple[str, ...] = ()


class UsageError(NoisegridError):
    """Arguments of a command that do not fit together."""

    exit_code = 2


def why(error: Exception) -> str:
    """Return the reason of an error in one line; that of the operating system without its number and the path."""
    return (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())


def first_line(error: Exception) -> str:
    """Return the first line of an error; the lines below it are advice for programmers in errors of PyTorch."""
    return (str(error).strip() or type(error).__name__).partition("\n")[0]


def unknown(kind: str, name: object, known: Iterable[str], more: str = "") -> str:
    """Return an error message about an unknown name.

    The message suggests the most similar known name. If no known name is similar, it lists all known names, and says
    what `more` may be written. With `kind` "task" and `name` "x", the message begins with "unknown task 'x'".
    """
    return f"unknown {kind} {name!r}; {hint(name, known, more=more)}"


def hint(name: object, known: Iterable[str], others: str = "known", more: str = "") -> str:
    """Return the most similar known name as a question or, if none is similar, all known names after `others`.

    The list ends with what `more` may be written.
    """
    names = sorted(map(terminal, known))  # the names of a study are of unknown origin
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else "; ".join(filter(None, [f"{others}: {', '.join(names)}", more]))
