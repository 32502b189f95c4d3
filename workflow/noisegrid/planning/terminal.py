"""The terminal of a Snakemake call: its live view, what Ctrl-C and a closed terminal do, and its last line."""

import atexit
import logging
import signal
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noisegrid.common.progress import say
from noisegrid.planning.plan import Plan

if TYPE_CHECKING:
    from noisegrid.planning.live import Screen
    from noisegrid.planning.snakemake_log import SnakemakeLog

#: The number of files that the last line of a call names.
NAMED = 3


class Terminal:
    """The terminal of a Snakemake call.

    Attributes
    ----------
    interrupted : bool
        Whether the user pressed Ctrl-C.
    log : SnakemakeLog or None
        What Snakemake logs, if there is a terminal for a live view.
    screen : Screen or None
        The live view, once work has begun.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self.log: SnakemakeLog | None = None
        self.screen: Screen | None = None

    def watch(self, drawn: bool) -> None:
        """Go on without a terminal once it is closed, and say in one line what Ctrl-C does.

        The processes of jobs inherit that they ignore SIGHUP. If `drawn`, and if there is a terminal, Snakemake's lines
        are held back for a live view.
        """
        if drawn and sys.stdout.isatty():  # jobs parse the Snakefile, too, and need no rich
            self._hold_back()
        try:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGINT, self._interrupt)
        except ValueError:
            return  # only the main thread may set handlers; another program called Snakemake from a thread

    def _hold_back(self) -> None:
        """Hold Snakemake's lines back, if the terminal can be drawn on."""
        from noisegrid.planning.live import is_terminal
        from noisegrid.planning.snakemake_log import SnakemakeLog

        if is_terminal():
            self.log = SnakemakeLog()
            self.log.attach()
            atexit.register(self.close)

    def open(self, plan: Plan, logs: Sequence[str]) -> None:
        """Draw a live view from now on, if there is a terminal; `logs` are the paths of Snakemake's own log."""
        if self.log is None:
            return
        from noisegrid.planning.live import Screen
        from noisegrid.planning.view import View
        from noisegrid.planning.watch import Watch

        log, watched = self.log, Watch(plan.study, Path(plan.config["results"]))
        hints = (*(f"Snakemake's own log: {_short(path)}" for path in logs), "Ctrl-C stops: nothing is lost")
        self.screen = Screen(
            lambda ending: View(watched.look(), None if ending else log.steps(), () if ending else hints),
            Path(plan.paths.log("terminal")),
        )
        log.kept = []
        log.show = self.screen.say
        self.screen.start()

    def close(self) -> None:
        """End the live view. Without one, print what Snakemake said."""
        if self.log is None:
            return
        if self.screen is not None:
            self.screen.stop()
            self.log.show = None
        else:
            self.log.print_kept()

    def _interrupt(self, number: int, frame: object) -> None:
        """Raise KeyboardInterrupt, which stops Snakemake, and silence the errors of jobs that stop with it."""
        if not self.interrupted:
            self.interrupted = True
            print("\nstopping: running replicates write a checkpoint, and finished ones are kept", file=sys.stderr)
            logging.getLogger("snakemake.logging").addFilter(lambda record: False)
        raise KeyboardInterrupt


def _short(path: str) -> str:
    """Return a path relative to the working directory, if it is in there."""
    place = Path(path)
    return str(place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place)


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
        package = f", {Path(plan.paths.crate).name}" if plan.paths.crate in files else ""
        return f"Results are in {plan.paths.folder}: report.html, findings.md, figures/, tables/, metrics.csv{package}"
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
