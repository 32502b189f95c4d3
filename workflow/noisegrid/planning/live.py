"""The live view on a terminal: beside a Snakemake call, or of a study that runs elsewhere."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live

from noisegrid.common.escape import lines
from noisegrid.common.progress import say
from noisegrid.planning.view import View, words
from noisegrid.planning.watch import Watch

#: Seconds between two looks, and between two lines where there is no terminal.
LOOK_S, LINE_S = 1.0, 10.0


def is_terminal() -> bool:
    """Return whether a person looks at a terminal that can be drawn on."""
    return sys.stdout.isatty() and sys.stderr.isatty() and not Console().is_dumb_terminal


def watch(study: Watch) -> None:
    """Show a study until it is trained, or until the user presses Ctrl-C.

    Without a terminal, print a line at most every LINE_S seconds, if there is news.
    """
    with suppress(KeyboardInterrupt):
        (_draw if is_terminal() else _print)(study)


def wait_for(folder: Path, study: str) -> bool:
    """Wait until a study begins, which is when its folder exists. Return whether it did; Ctrl-C ends the wait."""
    say(lines(f"{study}: nothing in {folder} yet; waiting (Ctrl-C ends this view)"))
    with suppress(KeyboardInterrupt):
        while not folder.exists():
            time.sleep(LOOK_S)
    return folder.exists()


def _draw(study: Watch) -> None:
    hint = ("Ctrl-C ends this view, and nothing else",)
    look = study.look()
    with Live(View(look, hints=hint), auto_refresh=False) as live:
        while not look.is_trained:
            time.sleep(LOOK_S)
            look = study.look()
            live.update(View(look, hints=() if look.is_trained else hint), refresh=True)


def _print(study: Watch) -> None:
    shown = ""
    while True:
        look = study.look()
        if (line := words(look)) != shown:
            say(lines(line))
            shown = line
        if look.is_trained:
            return
        time.sleep(LINE_S)


class Screen:
    """A live view in a thread of its own, while the main thread works.

    What jobs print to standard output goes to a file meanwhile, because it would destroy the view.

    Parameters
    ----------
    draw : callable
        A function that returns what to show; its argument says whether this is the last time.
    output : Path
        The file to which standard output goes.
    """

    def __init__(self, draw: Callable[[bool], RenderableType], output: Path) -> None:
        self.draw, self.output = draw, output
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._show, name="live view", daemon=True)
        self.terminal = -1

    def start(self) -> None:
        """Begin to draw."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        sys.stdout.flush()
        self.terminal = os.dup(sys.stdout.fileno())
        with self.output.open("w") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
        self.console = Console(file=os.fdopen(os.dup(self.terminal), "w"))
        self.live = Live(console=self.console, auto_refresh=False, redirect_stdout=False)
        self.thread.start()

    def say(self, text: str) -> None:
        """Print lines above the view."""
        with suppress(OSError):
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Draw for the last time, and give standard output back to the terminal."""
        if self.terminal < 0:
            return
        self.ending.set()
        self.thread.join(timeout=10)
        sys.stdout.flush()
        os.dup2(self.terminal, sys.stdout.fileno())
        os.close(self.terminal)
        self.terminal = -1

    def _show(self) -> None:
        """Draw until the end. A terminal that was closed, or a look that failed, ends the view and nothing else."""
        try:
            with self.live:
                while True:
                    last = self.ending.is_set()
                    self.live.update(self.draw(last), refresh=True)
                    if last:
                        return
                    self.ending.wait(LOOK_S)
        except OSError:
            return
        except Exception as error:
            self.say(f"the live view ended ({type(error).__name__}: {error}); see `noisegrid status`")
