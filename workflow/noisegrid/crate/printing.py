"""Print text of a crate so that it can neither move the cursor nor hide or forge other lines."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from noisegrid.common.errors import NoisegridError
from noisegrid.common.escape import terminal
from noisegrid.crate.limits import LINE_CHARACTERS


def line(text: str) -> str:
    """Return a text as one line that is safe to print; a long one is cut."""
    return terminal(text if len(text) <= LINE_CHARACTERS else f"{text[:LINE_CHARACTERS]}… (cut)")


def say(text: str, error: bool = False) -> None:
    """Print a text as one safe line, to stdout or, if `error`, to stderr."""
    print(line(text), file=sys.stderr if error else sys.stdout, flush=True)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Make the messages of NoisegridErrors that are raised inside safe to print, as they may quote a crate."""
    try:
        yield
    except NoisegridError as error:
        raise NoisegridError(line(str(error))) from error
