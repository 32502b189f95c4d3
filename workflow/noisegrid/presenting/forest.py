"""Forest plots: tables whose rows have an estimate in figures, and as a mark with its interval on a common scale."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from noisegrid.common.escape import html
from noisegrid.gating.sentences import interval, power_of_ten
from noisegrid.presenting import drawing
from noisegrid.presenting.drawing import CIRCLE, Scale
from noisegrid.stats.intervals import Estimate

#: The radius of a mark in pixels, and the places where the scale begins and ends in percent of the width.
SIZE, LEFT, RIGHT = 5, 4, 96
#: The smallest width of a side of 0 on which its meaning is written, in percent of the whole width.
WIDE = 30


class Row(NamedTuple):
    """A row: its label, a second line below it, the estimate, and the kind and the shape of the mark."""

    label: str
    below: str
    estimate: Estimate
    kind: str
    shape: str = CIRCLE


class Guides(NamedTuple):
    """The marks behind the rows: the line at 0, and the bounds that were asked for.

    Attributes
    ----------
    left, right : str
        What estimates to the left and to the right of 0 mean; empty for no line at 0.
    within : float
        Half the width of the shaded band around 0.
    at_least : float
        The place of the dashed line; 0 for none.
    """

    left: str = ""
    right: str = ""
    within: float = 0.0
    at_least: float = 0.0


NOTHING = Guides()


def forest(rows: Sequence[Row], what: str, estimated: str, guides: Guides = NOTHING) -> str:
    """Return a forest plot as HTML.

    Parameters
    ----------
    rows : sequence of Row
        The rows.
    what, estimated : str
        The headings of the column of labels and of the column of estimates.
    guides : Guides
        The marks behind the rows: the line at 0, and the bounds that were asked for.
    """
    scale = drawing.scale_over(_values(rows, guides), LEFT, RIGHT)
    behind = "" if scale is None else _behind(scale, guides)
    body = "".join(_row(row, scale, behind, sign=bool(guides.left)) for row in rows)
    return (
        f"<table class=forest><thead><tr><th scope=col>{html(what)}</th><td class=plot>{_sides(scale, guides)}</td>"
        f"<th scope=col>{html(estimated)}</th></tr></thead><tbody>{body}</tbody>{_foot(scale)}</table>"
    )


def with_interval(estimate: Estimate, sign: bool = False) -> str:
    """Return an estimate with its interval in a second line, as HTML."""
    value, _, ends = interval(estimate, sign).partition(" ")
    return f"{value} <small>{ends}</small>"


def _values(rows: Sequence[Row], guides: Guides) -> list[float]:
    """Return what must be on the scale."""
    values = [end for row in rows for end in (row.estimate.value, *drawing.ends(row.estimate))]
    return values + ([0.0, -guides.within, guides.within, guides.at_least] if guides.left else [])


def _behind(scale: Scale, guides: Guides) -> str:
    """Return the band, the line at 0 and the dashed line, over the whole height of a row."""
    if not guides.left:
        return ""
    band = drawing.band(scale.at(-guides.within), scale.at(guides.within)) if guides.within else ""
    places = [(0.0, "zero")] + ([(guides.at_least, "asked")] if guides.at_least else [])
    return band + "".join(drawing.line(scale.at(x), 0, scale.at(x), "100%", kind) for x, kind in places)


def _sides(scale: Scale | None, guides: Guides) -> str:
    """Return what both sides of 0 mean, above them: on a narrow screen, that of the wider side alone."""
    if scale is None or not guides.left:
        return ""
    zero = scale.at(0)
    texts = [(f"{guides.right} →", zero + 2, "start", 100 - zero), (f"← {guides.left}", zero - 2, "end", zero)]
    if zero > 50:
        texts.reverse()
    drawn = [
        drawing.words(text, x, "100%", dy="-.65em", text_anchor=anchor, kind="side wide" if second else "side")
        for second, (text, x, anchor, width) in enumerate(texts)
        if not second or width >= WIDE
    ]
    return f"<span class=unseen>{html(guides.left)}, {html(guides.right)}</span>{drawing.strip(''.join(drawn))}"


def _row(row: Row, scale: Scale | None, behind: str, sign: bool) -> str:
    drawn = behind
    if scale is not None and math.isfinite(row.estimate.value):
        drawn += drawing.estimate(scale, row.estimate, "50%", SIZE, f"mean {row.kind}", row.shape)
    below = f"<small>{html(row.below).replace(' = ', '&nbsp;=&nbsp;')}</small>" if row.below else ""
    return (
        f"<tr><th scope=row>{html(row.label)} {below}</th><td class=plot>{drawing.strip(drawn)}</td>"
        f"<td>{with_interval(row.estimate, sign)}</td></tr>"
    )


def _foot(scale: Scale | None) -> str:
    """Return the row with the axis."""
    if scale is None:
        return ""
    axis = drawing.strip(drawing.axis(scale, 1))
    power = power_of_ten(scale.power)
    return f"<tfoot aria-hidden=true><tr><td></td><td class=plot>{axis}</td><td>{power}</td></tr></tfoot>"
