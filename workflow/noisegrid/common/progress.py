"""Progress lines on the terminal: how much is done, and how long the rest will take. Durations and sizes in words."""

import os
import sys
import time


def say(text: str) -> None:
    """Print a line at once. If the terminal or pipe has been closed, this line and all later ones are dropped.

    Training goes on where nobody reads its lines, for example after `snakemake | head`.
    """
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def duration(seconds: float) -> str:
    """Return a duration in words, such as `50 s`, `12 min`, `3.4 h` or `2,860 h`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 5970:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{round(hours, 1):g} h" if hours < 99.95 else f"{float(f'{hours:.3g}'):,.0f} h"


def size(count: float) -> str:
    """Return a number of bytes in words, such as `85 kB`, `3.6 GB` or `12 TB`, in powers of 1,000."""
    for unit, least in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= 0.9995 * least:
            number = float(f"{count / least:.2g}") if count < 99.5 * least else count / least
            return f"{number:,.0f} {unit}" if number >= 10 else f"{number:g} {unit}"
    return f"{count / 1e3:.0f} kB"


class Progress:
    """Progress lines for work that consists of a known number of units.

    The first line appears after EVERY_S seconds, whatever is done by then. Later lines appear when there is news, at
    most every EVERY_S seconds.

    Parameters
    ----------
    total : int
        The number of units of work, by which the remaining time is computed.
    label : str
        The description of the work, with which each line begins.
    unit : str
        The word for the units, in the plural, such as `stages`.
    """

    EVERY_S = 10

    def __init__(self, total: int, label: str, unit: str) -> None:
        self.total, self.label, self.unit = total, label, unit
        self.began = self.shown = time.monotonic()
        self.line = ""

    def show(self, done: int, text: str = "") -> None:
        """Print a progress line if one is due.

        When all units are done, a last line is printed at once, unless the whole work took less than EVERY_S seconds.

        Parameters
        ----------
        done : int
            The number of finished units.
        text : str
            What is done, in words; by default the numbers of finished units and of all units.
        """
        now = time.monotonic()
        if now - self.shown < self.EVERY_S and not (done == self.total and now - self.began > self.EVERY_S):
            return
        line = f"{self.label}: {text or f'{done:,} of {self.total:,} {self.unit}'}"
        if line == self.line:
            return
        self.shown, self.line = now, line
        left = (now - self.began) / done * (self.total - done) if done else None
        say(line if left is None else f"{line}, {duration(left)} left")
