"""Drawings as SVG: scales with round ticks, and marks.

Places along a scale are percentages of the width, and all other lengths are pixels. A drawing thus fits every width,
and its text keeps its size.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from noisegrid.common.escape import html
from noisegrid.gating.sentences import power
from noisegrid.stats.intervals import Estimate

#: The largest number of ticks, the width in pixels that their labels may take on a narrow screen, on which every other
#: one is hidden, and the width of a character.
TICKS, LABELS, CHARACTER = 7, 150, 7
#: The smallest range of a scale, relative to its values (less is rounding), and the smallest and largest numbers on it.
FINEST, TINIEST, LARGEST = 1e-9, 1e-290, 1e300
#: The shapes of marks: a circle, and a diamond of about the same area.
CIRCLE, DIAMOND = "circle", "diamond"


class Tick(NamedTuple):
    """A tick of a scale: its value, its label, and whether it is shown on wide screens only."""

    value: float
    label: str
    wide: bool


@dataclass(frozen=True)
class Scale:
    """A scale from values to places.

    Attributes
    ----------
    low, high : float
        The values at its ends.
    left, right : float
        The places of its ends in percent of the width.
    """

    low: float
    high: float
    left: float = 0.0
    right: float = 100.0

    def at(self, value: float) -> float:
        """Return the place of a value in percent of the width."""
        share = (value - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)

    @property
    def power(self) -> int:
        """Return the power of ten by which the labels are divided, so that they are short."""
        return power(max(abs(self.low), abs(self.high)))

    def ticks(self) -> list[Tick]:
        """Return ticks at round values, as many as fit."""
        for factor, exponent in self._steps():
            step = factor * 10.0**exponent
            multiples = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
            if len(multiples) > TICKS:
                continue
            decimals = max(0, self.power - exponent)
            labels = [f"{n * factor * 10.0 ** (exponent - self.power):.{decimals}f}" for n in multiples]
            fitting = max(1, LABELS // (CHARACTER * (1 + max(map(len, labels), default=0))))
            if len(labels) <= 2 * fitting:
                odd = _odd_are_shown(multiples)
                return [
                    Tick(n * step, label.replace("-", "−"), len(labels) > fitting and n % 2 != odd)
                    for n, label in zip(multiples, labels, strict=True)
                ]
        return []

    def _steps(self) -> Iterator[tuple[int, int]]:
        """Yield steps as a factor and a power of ten, from fine to coarse."""
        least = math.floor(math.log10((self.high - self.low) / TICKS))
        for exponent in range(least, least + 3):
            yield from ((factor, exponent) for factor in (1, 2, 5))


def _odd_are_shown(multiples: range) -> bool:
    """Return whether narrow screens show the odd multiples of a step, or the even ones: those with 0, or the more."""
    return 0 not in multiples and 2 * sum(n % 2 for n in multiples) > len(multiples)


def scale_over(values: Iterable[float], left: float = 0.0, right: float = 100.0) -> Scale | None:
    """Return a scale with some space around values; None if no finite range has all of them."""
    known = [value for value in values if not math.isnan(value)]
    low, high = min(known, default=math.inf), max(known, default=-math.inf)
    largest = max(abs(low), abs(high))
    if largest > LARGEST:
        return None
    width, least = high - low, FINEST * largest
    margin = 0.05 * width if width > max(least, TINIEST) else 10 * least if least > TINIEST else 1.0
    return Scale(low - margin, high + margin, left, right)


def stacked(places: Sequence[float], apart: float, most: int = 7) -> list[int]:
    """Return for each place how far it is moved aside (0, 1, −1, 2, …), so that no mark covers another one.

    Parameters
    ----------
    places : sequence of float
        The places.
    apart : float
        The distance at which two marks do not cover each other.
    most : int
        The number of levels. If they do not suffice, marks overlap.
    """
    levels = [(step + 1) // 2 * (1 if step % 2 else -1) for step in range(most)]
    last = dict.fromkeys(levels, -math.inf)
    moved = [0] * len(places)
    for index in sorted(range(len(places)), key=places.__getitem__):
        free = next((level for level in levels if places[index] - last[level] >= apart), None)
        moved[index] = min(levels, key=last.__getitem__) if free is None else free
        last[moved[index]] = places[index]
    return moved


def element(tag: str, *inside: str, **attributes: object) -> str:
    """Return an SVG element.

    Parameters
    ----------
    tag : str
        Its name.
    *inside : str
        The elements in it, as SVG.
    **attributes : object
        Its attributes. `_` stands for `-`, and `kind` for `class`.
    """
    names = {"kind": "class"}
    words = "".join(
        f' {names.get(name, name).replace("_", "-")}="{html(str(value))}"' for name, value in attributes.items()
    )
    return f"<{tag}{words}>{''.join(inside)}</{tag}>"


def words(text: str, x: float, y: object, **attributes: object) -> str:
    """Return a line of text; `x` is in percent of the width."""
    return element("text", html(text), x=percentage(x), y=y, **attributes)


def line(x1: float, y1: object, x2: float, y2: object, kind: str) -> str:
    """Return a line; `x1` and `x2` are in percent of the width."""
    return element("line", x1=percentage(x1), y1=y1, x2=percentage(x2), y2=y2, kind=kind)


def mark(shape: str, x: float, y: object, size: float, kind: str, title: str = "") -> str:
    """Return a mark of a shape; `x` is in percent of the width. Its title appears under the mouse."""
    inside = [element("title", html(title))] if title else []
    if shape == CIRCLE:
        return element("circle", *inside, cx=percentage(x), cy=y, r=size, kind=kind)
    half = 1.25 * size
    return moved(x, y, element("path", *inside, d=f"M0 {-half}L{half} 0 0 {half} {-half} 0z", kind=kind))


def moved(x: float, y: object, drawn: str) -> str:
    """Return a drawing with its origin at a place; `x` is in percent of the width."""
    return element("svg", drawn, x=percentage(x), y=y, overflow="visible")


def estimate(
    scale: Scale, found: Estimate, y: object, size: float, kind: str, shape: str = CIRCLE, title: str = ""
) -> str:
    """Return the mark of an estimate, and its interval as a line with a stroke across each end."""
    drawn = ""
    if finite := ends(found):
        low, high = map(scale.at, finite)
        strokes = (moved(x, y, element("path", d="M0 -6V6", kind=kind)) for x in (low, high))
        drawn = line(low, y, high, y, kind) + "".join(strokes)
    return drawn + mark(shape, scale.at(found.value), y, size, kind, title)


def ends(found: Estimate) -> tuple[float, ...]:
    """Return the ends of an interval, or nothing if there is no finite one."""
    both = found.low, found.high
    return both if all(map(math.isfinite, both)) else ()


def band(left: float, right: float) -> str:
    """Return a band over the whole height; `left` and `right` are in percent of the width."""
    return element("rect", x=percentage(left), width=percentage(right - left), y=0, height="100%", kind="band")


def axis(scale: Scale, y: float) -> str:
    """Return the axis of a scale with ticks and labels below."""
    parts = [line(scale.left, y, scale.right, y, "axis")]
    for value, label, wide in scale.ticks():
        x = scale.at(value)
        drawn = moved(x, y, element("path", d="M0 0V5", kind="axis")) + words(label, x, y + 20, kind="tick")
        parts.append(element("g", drawn, kind="wide") if wide else drawn)
    return "".join(parts)


def picture(name: str, title: str, description: str, height: float, *drawn: str) -> str:
    """Return a drawing as an image with a title and a description for those who do not see it."""
    about = element("title", html(title), id=f"{name}-title") + element("desc", html(description), id=f"{name}-desc")
    names = f"{name}-title {name}-desc"
    return element("svg", about, *drawn, role="img", aria_labelledby=names, width="100%", height=height, kind="picture")


def strip(drawn: str) -> str:
    """Return a drawing that fills a cell of a table whose other cells say the same."""
    return element("svg", drawn, aria_hidden="true")


def percentage(place: float) -> str:
    """Return a place as an attribute."""
    return f"{place:.2f}%"
