"""A verdict in Markdown, as a comment on a pull request."""

from collections.abc import Iterator

from noisegrid import __version__
from noisegrid.common.escape import markdown
from noisegrid.gating.gate import Gate, Side
from noisegrid.gating.sentences import explanation, interval, name, number, percent, what_was_read
from noisegrid.presenting.marks import MARKS, UNJUDGED
from noisegrid.reading.runs import CannotJudge


def comment(found: Gate) -> str:
    """Return a verdict as Markdown: the sentence, a table of both sides, what explains it, and what was read."""
    return "\n".join(
        [
            f"**{MARKS[found.verdict]} {_inert(str(found))}**",
            "",
            *_table(found),
            "",
            *(f"- {_inert(line)}" for line in explanation(found)),
            "",
            f"<details><summary>What noisegrid {__version__} read</summary>",
            "",
            *_read("base", found.base),
            *_read("new", found.new),
            "",
            "</details>",
            "",
        ]
    )


def unjudged(why: CannotJudge) -> str:
    """Return a comment about runs that cannot be judged."""
    return f"**{MARKS[UNJUDGED]} cannot be judged: {_inert(str(why))}**\n"


def _table(found: Gate) -> Iterator[str]:
    """Yield the lines of a table with a row for each side and one for the difference."""
    yield f"| {_inert(found.metric)} | runs | mean ({percent(found.level)} interval) | standard deviation |"
    yield "| --- | --: | --: | --: |"
    for which, side in (("base", found.base), ("new", found.new)):
        about = f"{len(side.values):,} | {_inert(interval(side.mean))} | {number(side.std, side.std)}"
        yield f"| {_inert(name(which, side))} | {about} |"
    yield f"| new − base | | {_inert(interval(found.difference, sign=True))}{found.unit} | |"


def _read(name: str, side: Side) -> Iterator[str]:
    """Yield what was read of one side."""
    for line in what_was_read(side.read):
        yield f"- {name}: {_inert(line)}"


def _inert(text: str) -> str:
    """Escape a text so that it neither is markup nor mentions a person or an issue.

    Sites look for mentions after they have removed the backslashes. A space without width after the sign stops them.
    """
    return markdown(text).replace(r"\@", r"\@&#8203;").replace(r"\#", r"\#&#8203;")
