"""What happens to a Snakemake call when its user presses Ctrl-C or closes the terminal, and its last line."""

import logging
import signal
import sys
from collections.abc import Collection, Iterable
from typing import Any

from noisegrid.common.progress import say
from noisegrid.planning.plan import Plan

#: The number of files that the last line of a call names.
NAMED = 3


class Terminal:
    """The terminal of a Snakemake call.

    Attributes
    ----------
    interrupted : bool
        Whether the user pressed Ctrl-C.
    """

    def __init__(self) -> None:
        self.interrupted = False

    def watch(self) -> None:
        """Go on without a terminal once it is closed, and say in one line what Ctrl-C does.

        The processes of jobs inherit that they ignore SIGHUP.
        """
        try:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGINT, self._interrupt)
        except ValueError:
            return  # only the main thread may set handlers; another program called Snakemake from a thread

    def _interrupt(self, number: int, frame: object) -> None:
        """Raise KeyboardInterrupt, which stops Snakemake, and silence the errors of jobs that stop with it."""
        if not self.interrupted:
            self.interrupted = True
            print("\nstopping: running replicates write a checkpoint, and finished ones are kept", file=sys.stderr)
            logging.getLogger("snakemake.logging").addFilter(lambda record: False)
        raise KeyboardInterrupt


def made(plan: Plan, targets: Iterable[str]) -> str:
    """Return a sentence that says what a finished call made, and where.

    Parameters
    ----------
    plan : Plan
        The plan of the study.
    targets : iterable of str
        The files that were asked for.
    """
    files = list(dict.fromkeys(map(str, targets)))
    if plan.paths.report in files:
        return f"Results are in {plan.paths.folder}: report.html, findings.md, figures/, tables/, metrics.csv"
    return f"Made: {_some(files)}" if files else f"Nothing was made; results are in {plan.paths.folder}"


def say_what_was_made(plan: Plan, jobs: Iterable[Any]) -> None:
    """Print the last line of a successful call; `jobs` are Snakemake's jobs that were asked for."""
    say(made(plan, [file for job in jobs for file in _files_of(job)]))


def _files_of(job: Any) -> Iterable[str]:
    """Return the files of a job: its outputs, else the package, which is no output so that it is always written."""
    package: str | None = job.params.get("crate")
    return job.output or ([package] if package else job.input)


def _some(files: Collection[str]) -> str:
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return ", ".join(list(files)[:NAMED]) + more
