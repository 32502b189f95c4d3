"""The tables of the page: the tables of the study, with cells by name and numbers for readers."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pandas as pd

from noisegrid.common.schemas import catalog
from noisegrid.reporting.page.columns import Column, Item, columns_of, text_column
from noisegrid.reporting.page.headings import TABLE_TITLES
from noisegrid.reporting.page.heads import Head, take_heads
from noisegrid.reporting.page.names import Names
from noisegrid.reporting.tables import made
from noisegrid.reporting.titles import noise_title
from noisegrid.reporting.verdicts import NOT_MEASURED


@dataclass(frozen=True)
class Shown:
    """A table of the page.

    Attributes
    ----------
    name, title, caption, basis : str
        Its name in files, its title, what it shows, and n, device and versions.
    of : str
        What its rows are about; the heading of their names.
    heads : list of Head
        The names of the rows.
    columns : list of Column
        The other columns.
    terms : list of tuple of str and str
        Explanations below the table: terms and texts.
    folded : Shown or None
        A table below this one that opens on a click; its title says what its rows are.
    """

    name: str
    title: str
    caption: str
    basis: str
    of: str
    heads: list[Head]
    columns: list[Column]
    terms: list[tuple[str, str]] = field(default_factory=list)
    folded: "Shown | None" = None


def shown_tables(frame: pd.DataFrame, overhead: pd.DataFrame | None, names: Names) -> Iterator[Shown]:
    """Yield the tables of a study that have rows, in the order of the registry.

    Parameters
    ----------
    frame : pandas.DataFrame
        The content of metrics.csv.
    overhead : pandas.DataFrame or None
        The content of overhead.csv, if the study times networks.
    names : Names
        The names of the cells.
    """
    for entry, table, basis in made(frame, overhead):
        if table.empty:
            continue
        about = (entry.name, TABLE_TITLES.get(entry.name, entry.name), f"{entry.caption}.", basis)
        if entry.name == "claims":
            yield _claims(table, names, about)
        else:
            yield Shown(*about, *_plain(table, names))


def _plain(table: pd.DataFrame, names: Names) -> tuple[str, list[Head], list[Column]]:
    """Return what the rows of a table are about, their names, and the other columns."""
    of, heads, rest = take_heads(table, names)
    first = []
    if "noise" in rest:
        first.append(_noises(rest.pop("noise").astype(str)))
    if "group" in rest:
        first.append(text_column("about", rest.pop("group").replace("all", "all examples")))
    return of, heads, [*first, *columns_of(rest)]


def _noises(values: pd.Series) -> Column:
    """Return the column of noises, which sorts in the order of the registry, as the table does."""
    place = {noise: f"{index:03}" for index, noise in enumerate(dict.fromkeys(values))}
    return Column("free", [Item(noise_title(noise), place[noise], noise) for noise in values], "text")


def _claims(table: pd.DataFrame, names: Names, about: tuple[str, str, str, str]) -> Shown:
    """Return the verdicts on claims. Those that this study cannot test are folded if it can test any."""
    terms = [
        (name, f"{claim['test']} (grade of the claim: {claim['grade']})") for name, claim in catalog("claims").items()
    ]
    untested = table["verdict"] == NOT_MEASURED
    if untested.all() or not untested.any():
        return Shown(*about, "claim", *_verdicts(table, names), terms)
    title = f"{NOT_MEASURED} ({untested.sum()})".capitalize()
    folded = Shown(
        f"{about[0]}-{NOT_MEASURED}".replace(" ", "-"), title, "", "", "claim", *_verdicts(table[untested], names)
    )
    return Shown(*about, "claim", *_verdicts(table[~untested], names), terms, folded)


def _verdicts(table: pd.DataFrame, names: Names) -> tuple[list[Head], list[Column]]:
    """Return the names and the columns of verdicts on claims."""
    rows = list(table.fillna({"context": "", "note": ""}).itertuples())
    heads = [Head(f"{row.claim}. {row.statement}") for row in rows]
    adjusted = ["" if row.verdict == row.verdict_adjusted else f"adjusted: {row.verdict_adjusted}" for row in rows]
    verdicts = [Item(row.verdict, small=small) for row, small in zip(rows, adjusted, strict=True)]
    where = [Item(names.named(row.context), row.context) for row in rows]
    columns = [Column("verdict", verdicts, "verdict"), Column("where", where, "text")]
    for column in columns_of(table[["effect", "low", "high"]].astype(float)):
        # what the number is stands below it
        effects = zip(column.items, rows, strict=True)
        items = [replace(item, small=row.effect_is if item.text else "") for item, row in effects]
        columns.append(replace(column, items=items))
    columns += [*columns_of(table[["p", "n"]].astype(float)), text_column("note", table["note"])]
    return heads, columns
