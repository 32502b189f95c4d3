"""A verdict as one page without scripts, which asks for nothing outside of its file."""

from collections.abc import Iterable, Sequence

from noisegrid import __version__
from noisegrid.common.escape import html
from noisegrid.common.html import page
from noisegrid.gating.examples import ClassDifference, ExampleResults
from noisegrid.gating.gate import Gate, Side
from noisegrid.gating.sentences import (
    basis,
    bound,
    claim,
    counted,
    direction,
    explanation,
    name,
    number,
    percent,
    what_was_read,
)
from noisegrid.presenting.drawing import DIAMOND
from noisegrid.presenting.forest import Guides, Row, forest, with_interval
from noisegrid.presenting.marks import MARKS, UNJUDGED
from noisegrid.presenting.runs_figure import runs_figure
from noisegrid.presenting.style import STYLE
from noisegrid.reading.runs import CannotJudge
from noisegrid.stats.intervals import Estimate

#: The largest number of classes that are drawn; the others are in a table.
DRAWN = 20
PER_CLASS = "new − base (percentage points)"


def verdict_page(found: Gate) -> str:
    """Return the page of a verdict."""
    parts = [
        _top(found.verdict, found.verdict, claim(found), f"{basis(found)}."),
        _runs(found),
        _difference(found),
        _table(found),
        f"<h2>What else these runs say</h2>{_list(explanation(found))}",
    ]
    if found.examples:
        parts += [_churn(found.examples, found.level), _classes(found.examples, found)]
    parts += [_every_run(found), _read(found), _foot()]
    return page(f"noisegrid gate: {found.verdict}", f"<main>{''.join(filter(None, parts))}</main>", STYLE)


def unjudged(why: CannotJudge) -> str:
    """Return the page about runs that cannot be judged."""
    body = f"<main>{_top(UNJUDGED, 'cannot be judged', str(why), '')}{_foot()}</main>"
    return page("noisegrid gate: cannot be judged", body, STYLE)


def _top(verdict: str, name: str, claim: str, basis: str) -> str:
    """Return the verdict, its sentence and what it rests on."""
    badge = f"<span class='badge {verdict}'><span aria-hidden=true>{MARKS[verdict]}</span> {html(name)}</span>"
    about = f"<p class=basis>{_prose(basis)}</p>" if basis else ""
    return f"<header><p>{badge}</p><h1>{_prose(claim[:1].upper() + claim[1:])}.</h1>{about}</header>"


def _runs(found: Gate) -> str:
    base, new = len(found.base.values), len(found.new.values)
    drawn = runs_figure(found)
    if not drawn:
        return ""
    pairs = " Thin lines connect runs with the same seed." if found.paired else ""
    caption = (
        f"Small marks: runs of base (n = {base:,}) and of new (n = {new:,}). Large marks: their means with "
        f"{percent(found.level)} intervals.{pairs}"
    )
    return f"<h2>Runs</h2>{_figure(drawn, caption)}"


def _difference(found: Gate) -> str:
    """Return the figure of the difference, with what was asked about it."""
    asked, width = found.question, found.smallest
    sign = -1 if found.lower_is_better else 1
    guides = Guides(*_sides(found), asked.margin, sign * asked.at_least)
    both = "runs and examples" if found.examples else "runs"
    rows = [Row(both, _units(found), found.difference, "difference", DIAMOND)]
    if found.examples:
        rows.append(Row("runs alone", "without the sampling of the examples", found.of_runs, "muted", DIAMOND))
    caption = f"The difference of the means with its {percent(found.level)} interval, by {found.test}."
    if asked.margin:
        caption += f" Shaded: within ± {bound(asked.margin, width)}, which does not matter."
    if asked.at_least:
        caption += f" Dashed: {bound(guides.at_least, width, sign=True)}, the smallest gain that matters."
    plot = forest(rows, "noise of", f"new − base{_in_brackets(found.unit)}", guides)
    return f"<h2>Difference</h2>{_figure(plot, caption)}"


def _sides(found: Gate) -> tuple[str, str]:
    """Return what differences below and above 0 mean."""
    base, new = "base better", "new better"
    return (new, base) if found.lower_is_better else (base, new)


def _units(found: Gate) -> str:
    """Return how many runs and examples there are."""
    base, new = len(found.base.values), len(found.new.values)
    runs = counted(base, "pair") if found.paired else f"{base:,} + {new:,} runs"
    return f"{runs}, {counted(found.examples.count, 'example')}" if found.examples else runs


def _table(found: Gate) -> str:
    """Return the table of both sides."""
    heads = ("", "runs", _prose(f"mean and {percent(found.level)} interval"), "standard deviation")
    rows = [
        (html(name(which, side)), f"{len(side.values):,}", with_interval(side.mean), number(side.std, side.std))
        for which, side in (("base", found.base), ("new", found.new))
    ]
    return _tabulated(f"{found.metric} ({direction(found)} is better)", heads, rows)


def _churn(results: ExampleResults, level: float) -> str:
    """Return the figure of churn, if predictions are known."""
    named: tuple[tuple[str, Estimate | None, str, str], ...] = (
        ("two runs of base", results.churn_base, "base", "circle"),
        ("two runs of new", results.churn_new, "new", DIAMOND),
        ("one run of each", results.churn_between, "difference", DIAMOND),
    )
    rows = [Row(label, "", churn, kind, shape) for label, churn, kind, shape in named if churn]
    if not rows:
        return ""
    caption = (
        f"The share of the {results.count:,} examples that two runs predict differently, with {percent(level)} "
        "intervals. New changes more than noise does if a run of each side disagree more than two runs of one side."
    )
    return f"<h2>Churn</h2>{_figure(forest(rows, 'between', 'examples (%)'), caption)}"


def _classes(results: ExampleResults, found: Gate) -> str:
    """Return the figure of the classes that differ most clearly, and the table of the others."""
    if not results.classes:
        return ""
    ordered = sorted(results.classes, key=lambda each: (each.p_adjusted, -abs(each.difference.value)))
    drawn, rest = ordered[:DRAWN], ordered[DRAWN:]
    changed = set(results.changed(found.level))
    rows = [
        Row(each.name, _about(each), each.difference, "difference" if each in changed else "open", DIAMOND)
        for each in sorted(drawn, key=lambda each: -each.difference.value)
    ]
    which = f"The {DRAWN} of {len(ordered):,} classes with the smallest p" if rest else "The difference of each class"
    caption = (
        f"{which}, with {percent(found.level)} intervals; n: examples; p: corrected for the number of classes "
        f"(Holm). Filled marks: the class differs. {len(changed):,} of {len(ordered):,} classes differ."
    )
    plot = forest(rows, "class", PER_CLASS, Guides(*_sides(found)))
    table = _table_of_classes(rest) if rest else ""
    return f"<h2>Classes</h2>{_figure(plot, caption)}{table}"


def _table_of_classes(rest: Sequence[ClassDifference]) -> str:
    rows = [
        (html(each.name), f"{each.examples:,}", with_interval(each.difference, sign=True), f"{each.p_adjusted:.2g}")
        for each in rest
    ]
    table = _tabulated("", ("class", "examples", PER_CLASS, "p (Holm)"), rows)
    return _hidden("The other classes", table)


def _about(each: ClassDifference) -> str:
    return f"n = {each.examples:,}, p = {each.p_adjusted:.2g}"


def _every_run(found: Gate) -> str:
    """Return the tables of all runs."""
    return _hidden("Every run", _runs_of("base", found.base, found.metric) + _runs_of("new", found.new, found.metric))


def _runs_of(name: str, side: Side, metric: str) -> str:
    columns: dict[str, Iterable[str]] = {"run": map(html, side.names)}
    if side.seeds:
        columns["seed"] = map(html, side.seeds)
    columns[html(metric)] = (f"{value:.8g}".replace("-", "−") for value in side.values)
    return _tabulated(name, list(columns), zip(*columns.values(), strict=True))


def _read(found: Gate) -> str:
    """Return what was read."""
    sides = ("base", found.base), ("new", found.new)
    lines = [f"{name}: {line}" for name, side in sides for line in what_was_read(side.read)]
    return _hidden("What was read", _list(lines)) if lines else ""


def _prose(text: str) -> str:
    """Escape a text in which no line may end before a percent sign or beside an equals sign."""
    return html(text).replace(" %", "&nbsp;%").replace(" = ", "&nbsp;=&nbsp;")


def _figure(drawn: str, caption: str) -> str:
    return f"<figure>{drawn}<figcaption>{_prose(caption)}</figcaption></figure>"


def _tabulated(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are HTML."""
    head = "".join(f"<th scope=col>{each}</th>" if each else "<td></td>" for each in heads)
    body = "".join(
        f"<tr><th scope=row>{first}</th>{''.join(f'<td>{cell}</td>' for cell in others)}</tr>"
        for first, *others in rows
    )
    about = f"<caption>{_prose(caption)}</caption>" if caption else ""
    return f"<div class=scroll><table>{about}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _hidden(summary: str, inside: str) -> str:
    return f"<details><summary>{html(summary)}</summary>{inside}</details>"


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{_prose(each)}</li>' for each in lines)}</ul>"


def _in_brackets(unit: str) -> str:
    return f" ({unit.strip()})" if unit else ""


def _foot() -> str:
    return f"<footer>Written by noisegrid {__version__}.</footer>"
