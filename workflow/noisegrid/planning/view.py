"""The live view of a study on a terminal, drawn from a look at it."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from noisegrid.common.escape import terminal
from noisegrid.common.progress import duration
from noisegrid.planning.watch import Look, Running

#: The process of a running replicate is shown on terminals of at least this width.
WIDE = 110
#: The number of failed replicates that are named.
FAILED = 3
#: The lines of the terminal that are not for running replicates.
OTHER_LINES = 12


@dataclass(frozen=True)
class Steps:
    """What Snakemake does besides.

    Attributes
    ----------
    done, total : int
        The number of finished jobs and of all jobs of this call.
    now : tuple of str
        What the running jobs do.
    """

    done: int
    total: int
    now: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """A look at a study, to be printed by rich.

    Attributes
    ----------
    look : Look
        The state of the study.
    steps : Steps or None
        What Snakemake does; None where Snakemake's call is not in this terminal.
    hints : tuple of str
        Lines below the view.
    """

    look: Look
    steps: Steps | None = None
    hints: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the parts of the view, with as many running replicates as fit into the terminal."""
        wide = options.max_width >= WIDE
        rows = max(3, (options.height or console.height) - OTHER_LINES)
        parts: list[RenderableType] = ["", _totals(self.look), "", _times(self.look)]
        if self.look.running:
            parts += ["", _running(self.look, wide, rows)]
        if more := len(self.look.running) - rows:
            parts += [Text(f"  and {more:,} more", style="dim")] if more > 0 else []
        parts += _failed(self.look)
        if self.steps is not None and self.steps.total:
            parts += ["", _steps(self.steps)]
        parts += [Text(terminal(line), style="dim", overflow="ellipsis", no_wrap=True) for line in self.hints]
        yield Group(*parts)


def _totals(look: Look) -> RenderableType:
    """Return a bar for cells, replicates and timed networks."""
    table = Table.grid(padding=(0, 2), expand=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(width=30)
    table.add_column(no_wrap=True)
    ended = look.finished + look.diverged
    rows = [("cells", look.cells_done, look.cells), ("replicates", ended, look.replicates)]
    rows += [("networks timed", look.timed, look.networks)] if look.networks else []
    for place, (what, done, total) in enumerate(rows):
        notes = f", {look.diverged} of them diverged" if what == "replicates" and look.diverged else ""
        title = Text(terminal(look.study)) if place == 0 else ""
        table.add_row(title, _bar(done, total), f"{done:,} of {total:,} {what}{notes}")
    return table


def _bar(done: float, total: float, width: int | None = None) -> ProgressBar:
    return ProgressBar(total=total, completed=done, width=width, complete_style="cyan", finished_style="green")


def _times(look: Look) -> RenderableType:
    """Return the lines with the remaining time and the replicate that finished last."""
    if look.cells_done == look.cells:
        left = "all replicates are trained"
    elif look.hours_left is None:
        left = "time left: not known yet"
    else:
        left = f"about {duration(3600 * look.hours_left)} left"
    lines = [Text(left, style="bold")]
    if look.last is not None:
        cell, number = look.last
        result = f", {look.last_result}" if look.last_result else ""
        ago = duration(max(0.0, look.now - look.last_at))
        last = f"last finished: {terminal(cell.path)} {number}, {ago} ago{result}"
        lines.append(Text(last, no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def _running(look: Look, wide: bool, rows: int) -> Table:
    """Return the table of the running replicates that are furthest."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    table.add_column(f"{len(look.running):,} running", no_wrap=True, overflow="ellipsis", ratio=None)
    table.add_column("", width=16 if wide else 8)
    table.add_column("epoch", no_wrap=True, justify="right")
    table.add_column("loss", no_wrap=True, justify="right")
    table.add_column("since", no_wrap=True, justify="right")
    if wide:
        table.add_column("where", no_wrap=True, overflow="ellipsis", style="dim")
    for one in look.running[:rows]:
        since = duration(max(0.0, look.now - one.since))
        where = [Text(terminal(one.process))] if wide else []
        table.add_row(Text(f"{terminal(one.cell.path)} {one.number}"), *_progress(one), since, *where)
    return table


def _progress(one: Running) -> tuple[RenderableType, str, str]:
    """Return the bar, the epoch and the loss of a running replicate."""
    reached = one.reached
    if reached is None:
        return "", "–", "–"
    epoch = f"{min(reached.epoch + 1, reached.epochs)} of {reached.epochs}"
    return _bar(reached.share, 1), epoch, "–" if reached.loss is None else f"{reached.loss:.3g}"


def _failed(look: Look) -> list[RenderableType]:
    """Return one line for each of the first failed replicates."""
    lines = [f"failed: {cell.path} {number}: {why}" for (cell, number), why in look.failed[:FAILED]]
    if (more := len(look.failed) - FAILED) > 0:
        lines.append(f"and {more} more failed; see `noisegrid status`")
    return (
        ["", *(Text(terminal(line), style="red", no_wrap=True, overflow="ellipsis") for line in lines)] if lines else []
    )


def _steps(steps: Steps) -> Text:
    """Return the line with what Snakemake does."""
    text = Text("Snakemake: ", style="dim", no_wrap=True, overflow="ellipsis")
    text.append(f"{steps.done} of {steps.total} jobs done")
    if steps.now:
        text.append(f"; now: {terminal(', '.join(steps.now))}")
    return text


def words(look: Look) -> str:
    """Return a look as one plain line."""
    parts = [
        f"{look.study}: {look.cells_done} of {look.cells} cells and {look.finished} of {look.replicates} replicates"
    ]
    parts += [f"{look.timed} of {look.networks} networks timed"] if look.networks else []
    parts += [f"{len(look.running)} running"] + ([f"{len(look.failed)} failed"] if look.failed else [])
    if look.hours_left is not None and look.cells_done < look.cells:
        parts.append(f"about {duration(3600 * look.hours_left)} left")
    return ", ".join(parts)
