"""How figures look: on a page or a phone, in light or dark, in colour or in grey print."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_hex, to_rgb

from noisegrid.study.sources import NOISES

plt.style.use(Path(__file__).parent / "noisegrid.mplstyle")

#: The colours of Okabe and Ito, for what is not a noise. With as many hatches, two neighbours differ in grey print too.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
HATCHES = ("", "///", "|||", "\\\\\\", "xxx")
MARKERS = "osD^v<>"
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


@dataclass(frozen=True)
class Look:
    """A look of figures.

    Attributes
    ----------
    page, text, muted, band, median, rule : str
        The colours of the page, of text, of notes, of the range of a null, of its median, and of grids.
    contrast : float
        The least contrast of a mark with the page. WCAG 2.2 asks for 3.
    width : float
        The width of a figure in inches.
    size : float
        The size of labels in points. Ticks and legends are one point smaller, notes two.
    narrow : bool
        Whether the panels lie below each other, for a phone (390 pixels wide) or one column of a paper.
    """

    page: str = "#FFFFFF"
    text: str = "#000000"
    muted: str = "#555555"
    band: str = "#D9D9D9"
    median: str = "#888888"
    rule: str = "#E6E6E6"
    contrast: float = 3.0
    width: float = 7.4
    size: float = 8.0
    narrow: bool = False

    def settings(self) -> dict[str, Any]:
        """Return the look as settings of Matplotlib."""
        text = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "hatch.color")
        small = ("xtick.labelsize", "ytick.labelsize", "legend.fontsize")
        sizes = {"font.size": self.size, "axes.titlesize": self.size, "axes.labelsize": self.size}
        return {
            **dict.fromkeys(text, self.text),
            **dict.fromkeys(("figure.facecolor", "savefig.facecolor"), self.page),
            **sizes,
            **dict.fromkeys(small, self.size - 1),
            "grid.color": self.rule,
        }

    def characters(self, size: float, bold: bool = False) -> int:
        """Return how many characters of a font size fit into a line of the figure."""
        return int(72 * (self.width - 0.2) / (size * (0.66 if bold else 0.59)))


PAGE = {"light": {}, "dark": {
    "page": "#14181D", "text": "#E6E9ED", "muted": "#9CA7B3", "band": "#3A444F", "median": "#8A96A3", "rule": "#2A323B",
    "contrast": 5.0,  # because bands are lighter than the page
}}  # fmt: skip
SCREEN = {"wide": {}, "narrow": {"width": 3.9, "size": 9.0, "narrow": True}}
LIGHT = Look()
plt.rcParams.update(LIGHT.settings())  # type: ignore[arg-type]
_current: ContextVar[Look] = ContextVar("look")


def look() -> Look:
    """Return the look in which figures are being drawn."""
    return _current.get(LIGHT)


@contextmanager
def drawn(page: str = "light", screen: str = "wide") -> Iterator[None]:
    """Draw the figures inside this context for a light or dark page, and for a wide or narrow screen."""
    new = Look(**PAGE[page], **SCREEN[screen])  # type: ignore[arg-type]
    token = _current.set(new)
    try:
        with plt.rc_context(new.settings()):  # type: ignore[arg-type]
            yield
    finally:
        _current.reset(token)


def readable(colour: str) -> str:
    """Return a colour that stands out from the page: the colour itself, or the nearest mixture with black or white."""
    page = look().page
    away = (0.0, 0.0, 0.0) if _luminance(page) > 0.5 else (1.0, 1.0, 1.0)
    if colour == "#000000" and away[0]:
        return look().text  # black on a light page is white on a dark one, and no grey
    for share in np.arange(0, 1, 0.05):
        mixed = to_hex(tuple((1 - share) * np.array(to_rgb(colour)) + share * np.array(away)))
        if contrast(mixed, page) >= look().contrast:
            return mixed
    return look().text


def noise_style(noise: str) -> tuple[str, str | tuple[int, int, int]]:
    """Return the colour and the marker of a noise; those of an interaction if it is none."""
    if noise not in NOISES:
        return look().muted, "o"
    return readable(NOISES[noise].colour), NOISES[noise].marker


def contrast(first: str, second: str) -> float:
    """Return the contrast between two colours, from 1 to 21, as WCAG 2.2 defines it."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
