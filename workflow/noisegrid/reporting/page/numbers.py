"""Numbers for readers: one precision for each column, and an interval beside its value."""

import math
from collections.abc import Iterable

#: Significant digits of a typical number of a column.
DIGITS = 3
#: The largest number of decimals.
MOST = 4


def decimals(values: Iterable[float]) -> int:
    """Return the number of decimals for a column: its median number then has three significant digits."""
    sizes = sorted(abs(value) for value in values if math.isfinite(value) and value != 0)
    if not sizes:
        return 0
    return min(max(DIGITS - 1 - math.floor(math.log10(sizes[len(sizes) // 2])), 0), MOST)


def number(value: float, places: int) -> str:
    """Return a number with a fixed number of decimals; empty if it is not known.

    A number that is not zero never reads as zero.
    """
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{abs(value):,.{places}f}"
    if value != 0 and float(text.replace(",", "")) == 0:
        return f"{'<' if value > 0 else '> −'} {10**-places:.{places}f}".replace("− ", "−")
    return f"−{text}" if value < 0 else text


def with_interval(value: float, low: float, high: float, places: int) -> str:
    """Return a number with its interval, such as "1.56 [1.07, 2.84]"; without an interval, the number alone."""
    text = number(value, places)
    if not text or math.isnan(low) or math.isnan(high):
        return text
    return f"{text} [{number(low, places)}, {number(high, places)}]"


def span(low: float, high: float, places: int) -> str:
    """Return a range, such as "0.8 to 1.3"; empty if an end is not known."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"{number(low, places)} to {number(high, places)}"


def count(value: float) -> str:
    """Return a whole number with separators of thousands; empty if it is not known."""
    return number(value, 0)


def probability(value: float) -> str:
    """Return a p-value with three decimals."""
    return "< 0.001" if 0 <= value < 0.001 else number(value, 3)
