"""The columns of a table for readers: a value and its interval become one column, with one precision."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from noisegrid.reporting.page import numbers
from noisegrid.reporting.page.headings import column_title

#: Columns whose numbers are probabilities.
PROBABILITIES = ("p", "_p")


@dataclass(frozen=True)
class Item:
    """One cell of a table.

    Attributes
    ----------
    text : str
        What readers see.
    order : float, str or None
        What the column is sorted by; None: the text.
    small : str
        What stands below the text in small type.
    """

    text: str
    order: float | str | None = None
    small: str = ""


@dataclass(frozen=True)
class Column:
    """A column for readers.

    Attributes
    ----------
    title : str
        The heading.
    items : list of Item
        One item for each row.
    kind : str
        `number`, `text` or `verdict`.
    """

    title: str
    items: list[Item]
    kind: str = "number"


def columns_of(table: pd.DataFrame) -> list[Column]:
    """Return the columns of a table for readers.

    The columns `x`, `x_low` and `x_high` become one, and so do `x_null_low` and `x_null_high`. Columns `low` and `high`
    belong to the column before them. Columns without a value are left out.
    """
    shown = []
    for name, low, high in _merged(list(table.columns)):
        ends = [table[end] for end in (low, high) if end]
        if table[name].isna().all() and all(end.isna().all() for end in ends):
            continue
        if name == low:
            shown.append(_spans(column_title(_null_title(name)), *ends))
        elif pd.api.types.is_numeric_dtype(table[name]) and not pd.api.types.is_bool_dtype(table[name]):
            shown.append(_numbers(name, table[name], ends))
        else:
            shown.append(text_column(column_title(name), table[name]))
    return shown


def text_column(title: str, values: pd.Series) -> Column:
    """Return a column of texts."""
    return Column(title, [Item("" if pd.isna(value) else str(value)) for value in values], "text")


def _merged(names: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each column with the columns of its ends, or with empty names; a null's range is named by its lower end."""
    ends = {name for name in names if name.endswith(("_low", "_high")) or name in ("low", "high")}
    for place, name in enumerate(names):
        if name.endswith("_null_low") and name.removesuffix("_low") not in names:
            yield name, name, f"{name.removesuffix('_low')}_high"
        elif name not in ends:
            after = names[place + 1 : place + 2] == ["low"]
            low, high = ("low", "high") if after else (f"{name}_low", f"{name}_high")
            yield (name, low, high) if low in ends else (name, "", "")


def _null_title(name: str) -> str:
    base = name.removesuffix("_null_low")
    return f"{column_title(base)}: null"


def _numbers(name: str, values: pd.Series, ends: list[pd.Series]) -> Column:
    title, numeric = column_title(name), values.astype(float)
    if name.endswith(PROBABILITIES):
        return Column(title, [Item(numbers.probability(value), _order(value)) for value in numeric])
    whole = _is_whole(values) and all(map(_is_whole, ends))
    places = 0 if whole else numbers.decimals(numeric)
    rows: list[tuple[float, ...]] = list(zip(numeric, *(end.astype(float) for end in ends), strict=True))
    form: Callable[..., str] = numbers.with_interval if ends else numbers.number
    return Column(title, [Item(form(*row, places), _order(row[0])) for row in rows])


def _spans(title: str, low: pd.Series, high: pd.Series) -> Column:
    lows, highs = low.astype(float), high.astype(float)
    places = numbers.decimals([*lows.dropna(), *highs.dropna()])
    items = [Item(numbers.span(a, b, places), _order(b)) for a, b in zip(lows, highs, strict=True)]
    return Column(title, items)


def _is_whole(values: pd.Series) -> bool:
    known = values.dropna().astype(float)
    return bool(((known % 1 == 0) | known.isin([float("inf"), float("-inf")])).all())


def _order(value: Any) -> float | None:
    """Return what a number is sorted by; what is not known comes first."""
    return float("-inf") if pd.isna(value) else float(value)
