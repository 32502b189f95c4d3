"""The findings of a study in a few sentences, shown at the end of the workflow and in the reports."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from noisegrid import stats
from noisegrid.common.escape import html, markdown
from noisegrid.common.files import write_text
from noisegrid.common.html import page
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.front import front
from noisegrid.reporting.metrics_frame import provenance, seed_notes, select, widest
from noisegrid.reporting.tables_cells import CELL, class_table, difference_table, test_set_table, versus_table
from noisegrid.reporting.titles import noise_title
from noisegrid.study.sources import FREE, NOISES, ONE_SEED_SET, seed_note

#: Largest probability of finding a class above its null in some cell if all errors are independent.
FAMILYWISE = 0.05


def findings(frame: pd.DataFrame, overhead: pd.DataFrame | None = None) -> list[str]:
    """Return a list of findings from metrics.csv and, if it is given, overhead.csv.

    A finding is left out if the cells that it describes were not measured.
    """
    sentences = [control_sentence(frame), *churn_sentences(frame), *gain_sentences(frame), *value_sentences(frame)]
    sentences += [null_sentence(frame)]
    sentences += component_sentences(frame)
    sentences += [*test_set_sentences(frame), *versus_sentences(frame)]
    sentences += [*lost_sentences(frame), *([] if overhead is None else overhead_sentences(overhead))]
    return [sentence for sentence in sentences if sentence]


def control_sentence(frame: pd.DataFrame) -> str:
    """Return a sentence on how many control cells have bitwise equal weights; empty if no control cell was measured."""
    control = select(frame[frame["noise"] == "control"], "unequal_weights")
    if control.empty:
        return ""
    exact = int((control["value"] == 0).sum())
    conditional = sum(map(bool, seed_notes(control)))
    some = "" if conditional == len(control) else f"{conditional} of them "
    note = f" ({some}{ONE_SEED_SET})" if conditional else ""
    return f"Control is exactly zero (bitwise equal weights) in {exact} of {len(control)} control cells{note}."


def churn_sentences(frame: pd.DataFrame) -> list[str]:
    """Return sentences that compare the churn of the implementation alone with the churn of all seeds.

    There is one sentence for each task on each kind of hardware. If one of these two noises was not measured, the
    sentence is about the other one; if neither was, it is about the widest noise. The first sentence explains its
    words.
    """
    churn, wide = (select(rows, "churn").set_index(CELL) for rows in (frame, widest(frame)))
    sentences, used = list[str](), dict[str, None]()
    for hardware, task in dict.fromkeys((h, t) for h, t, _ in churn.index):
        cells = {noise: row for (h, t, noise), row in churn.iterrows() if (h, t) == (hardware, task)}
        shown = [noise for noise in ("impl", "algo") if noise in cells]
        shown = shown or [noise for h, t, noise in wide.index if (h, t) == (hardware, task)]
        if shown:
            sentences.append(f"{task} on {hardware}: two runs that {_churn_of(shown, cells)}.")
            used |= dict.fromkeys(shown)
    return [f"{sentence}{'' if number else _meaning(used)}" for number, sentence in enumerate(sentences)]


def _meaning(noises: Iterable[str]) -> str:
    """Return in brackets what the titles of noises mean, as far as that is not plain."""
    words = [f"{noise_title(noise).capitalize()}: {NOISES[noise].meaning}" for noise in noises if NOISES[noise].meaning]
    return f" ({'. '.join(words)}.)" if words else ""


def _churn_of(shown: list[str], cells: dict[str, pd.Series]) -> str:
    """Return on how many test examples two runs disagree, for one noise, or for `impl` and `algo`."""
    first, *others = shown
    alone = " alone" if first == "impl" else ""
    text = (
        f"differ in {noise_title(first)}{alone} disagree on {_interval(cells[first])} % of the test "
        f"examples{_condition(first, cells[first])}"
    )
    for other in others:
        row, value = cells[other], cells[other]["value"]
        ratio = f" ({_percent(cells[first]['value'] / value)} % of it)" if value > 0 else ""
        text += f", two that differ in {noise_title(other)} on {_interval(row)} %{_condition(other, row)}{ratio}"
    return text


def gain_sentences(frame: pd.DataFrame) -> list[str]:
    """Return one sentence for each task on each kind of hardware: which difference of two methods noise alone can give.

    The sentence is about the widest noise, and names it. It states the interval of the difference, because the spread
    of a few runs is itself uncertain, and how much the sampling of the test examples adds. With few runs, it says that
    they are too few.
    """
    return [_gain_sentence(frame, row) for _, row in difference_table(widest(frame)).iterrows()]


def _gain_sentence(frame: pd.DataFrame, row: pd.Series) -> str:
    where, n = _free(row), row["n_replicates"]
    if n < stats.FEWEST:
        return f"{where}: {n} runs are too few to plan with; at least {stats.FEWEST} are needed."
    low, value, high = (row[f"real_gain_percentage_points{end}"] for end in ("_low", "", "_high"))
    runs, fewest, most = (_runs(row[f"replicates_for_0.3_points{end}"]) for end in ("", "_low", "_high"))
    images = ""
    if not pd.isna(row["test_examples_percentage_points"]):
        examples = select(frame, "accuracy_std").set_index(CELL).loc[tuple(row[key] for key in CELL), "n_examples"]
        images = f"; the {examples:,} test examples add ± {row['test_examples_percentage_points']:.2f}"
    return (
        f"{where}: with {n} runs per method, a difference in accuracy below {value:.2f} points ({low:.2f} to "
        f"{high:.2f}) cannot be told from run-to-run noise at 95 %{images}. To see a gain of 0.3 points takes {runs} "
        f"runs per method ({fewest} to {most})."
    )


def _free(row: pd.Series) -> str:
    """Return the task and the hardware of a cell, and what is free there."""
    free = " free" if FREE.get(row["noise"]) else ""  # the title of `control` says that nothing is
    return f"{row['task']} on {row['hardware']}, {noise_title(row['noise'])}{free}"


def _runs(number: int | None) -> str:
    """Return a number of runs for readers; it is missing if it exceeds the limit of `stats.replicates_needed`."""
    return "over 100,000" if pd.isna(number) else f"{number:,}"


#: The measures of regression and of the prediction of tokens: metric, and the words of a sentence.
VALUES = {"rmse": "the root mean square error", "bits_per_token": "the loss in bits per token"}


def value_sentences(frame: pd.DataFrame) -> list[str]:
    """Return sentences on the spread of the loss, of regression and of tokens, in cells with the widest noise."""
    sentences, rows = [], widest(frame)
    for metric, words in VALUES.items():
        means = select(rows, f"{metric}_mean").set_index(CELL)["value"]
        for _, spread in select(rows, f"{metric}_std").iterrows():
            ends = "no interval" if pd.isna(spread["low"]) else f"{spread['low']:.3g}, {spread['high']:.3g}"
            sentences.append(
                f"{_free(spread)}: {words} is {means[tuple(spread[CELL])]:.4g} on average, with a standard deviation "
                f"of {spread['value']:.3g} [{ends}] between {spread['n_replicates']} runs."
            )
    return sentences


def null_sentence(frame: pd.DataFrame) -> str:
    """Return a sentence on the cells in which classes vary more than independent errors would make them vary.

    A cell counts if the p of its largest class is at most 5 % after Bonferroni's correction for the number of cells,
    which holds however cells depend on each other. The numbers of the cell with the most such classes follow. The
    sentence is empty if no cell has a p.
    """
    table = class_table(frame[~(frame["n_replicates"] < stats.FEWEST)])
    if table.empty:
        return ""
    tested = table[table["largest_over_null_p"].notna()]
    if tested.empty:
        return ""
    found = tested[tested["largest_over_null_p"] * len(tested) <= FAMILYWISE]
    top = tested.loc[(found if len(found) else tested)["above_null"].idxmax()]
    interval = "" if pd.isna(top["above_null_low"]) else f" [{top['above_null_low']:.1f}, {top['above_null_high']:.1f}]"
    return (
        f"In {len(found)} of {len(tested)} cells, the accuracy of some class varies more than independent errors of "
        f"the same examples explain (the probability of finding any such class by chance, in any cell, is at most "
        f"{_percent(FAMILYWISE)} %). The most classes above the 95 % range of their null are in {_free(top)}: "
        f"{top['above_null']}{interval} of {top['classes'] - top['undefined']} (independent errors: "
        f"{top['above_null_null_low']:.0f} to {top['above_null_null_high']:.0f}); "
        f"{top['above_null_at_fdr']:.0f} at a false discovery rate of 5 %. This is about each class by itself, and not "
        "about its ratio to the overall spread, which Figure 3 of the paper shows."
    )


def test_set_sentences(frame: pd.DataFrame) -> list[str]:
    """Return one sentence for each cell with the widest noise: how much of the spread is about these test examples.

    A cell whose runs all have the same accuracy has no sentence.
    """
    table = test_set_table(widest(frame))
    images = frame.drop_duplicates(CELL).set_index(CELL)["n_examples"]
    sentences = []
    for _, row in table[table["group"] == "all"].iterrows():
        if pd.isna(row.vanishing_share_of_variance):
            continue
        share, low, high = (
            _percent(min(1, getattr(row, f"vanishing_share_of_variance{end}"))) for end in ("", "_low", "_high")
        )
        ends = f"{row.remaining_std_percentage_points_low:.2f}, {row.remaining_std_percentage_points_high:.2f}"
        sentences.append(
            f"{_free(row)}: {share} [{low}, {high}] % of the variance of accuracy between "
            f"{row.n_replicates} runs is about these {images[row.hardware, row.task, row.noise]:,} test examples and "
            f"would vanish on an infinite test set; a standard deviation of {row.remaining_std_percentage_points:.2f} "
            f"[{ends}] points would remain."
        )
    return sentences


def versus_sentences(frame: pd.DataFrame) -> list[str]:
    """Return one sentence for each comparison of two methods: what the second one is, and by how much."""
    return [_versus_sentence(row) for _, row in versus_table(frame).iterrows()]


def _versus_sentence(row: pd.Series) -> str:
    value, low, high = (row[name] for name in ("difference_percentage_points", "low", "high"))
    verdict, of = row["verdict"], f"({row['test']}, n = {row['n_replicates']})"
    if verdict in ("better", "worse"):
        sign = 1 if verdict == "better" else -1
        ends = ", ".join(f"{end:.2f}" for end in sorted((sign * low, sign * high)))
        what = f"{row['b']} is {verdict} than {row['a']} by {sign * value:.2f} [{ends}] points of accuracy {of}"
    else:
        within = f" within {row['margin_percentage_points']:g} points" if verdict == "equivalent" else ""
        between = f"the difference is {value:.2f} [{low:.2f}, {high:.2f}] points of accuracy {of}"
        what = f"{row['b']} against {row['a']} is {verdict}{within}: {between}"
    added = f"the test examples add ± {row['test_examples_add_percentage_points']:.2f}"
    free = " free" if FREE.get(row["noise"]) else ""
    text = f"{noise_title(row['noise'])}{free}, on {row['hardware']}: {what}; {added}"
    if verdict == "undecided":
        units = "seed sets" if row["test"].endswith("sets") else "runs"
        more = row["further_runs_or_sets"]
        decide = "no number of runs would" if pd.isna(more) else f"{more:,} further {units} per method would"
        text += (
            f". A difference below {row['smallest_percentage_points']:.2f} points cannot be shown with these runs; "
            f"{decide} show one of the observed size with a power of 80 %"
        )
    return f"{text}{'; ' if row['note'] else ''}{row['note']}."


def component_sentences(frame: pd.DataFrame) -> list[str]:
    """Return one sentence for each crossed cell, on the share of its churn that goes away if a source is held."""
    alone = select(frame, "component_predictions_alone", None).set_index([*CELL, "group"]).index
    shares = select(frame, "component_predictions", None).set_index([*CELL, "group"])
    sentences = []
    for spread in select(frame, "crossed_churn").itertuples():
        sources = [group for *cell, group in alone if cell == [getattr(spread, key) for key in CELL]]
        if not sources or pd.isna(spread.value) or spread.value == 0:
            continue
        own = {source: shares.loc[(spread.hardware, spread.task, spread.noise, source)] for source in sources}
        parts = [
            f"{max(0.0, row['value']):.0f} [{row['low']:.0f}, {row['high']:.0f}] % {noise_title(source)}"
            for source, row in own.items()
        ]
        rest = 100 - sum(max(0.0, row["value"]) for row in own.values())
        together = "the rest is due to their interactions and goes away only if several of them are held"
        sentences.append(
            f"{spread.task} on {spread.hardware}: two runs that differ in {_and(sources)} disagree on "
            f"{spread.value:.2f} [{spread.low:.2f}, {spread.high:.2f}] % of the test examples; of this, holding one "
            f"source alone would remove: {', '.join(parts)}{f'; {together}' if rest >= 0.5 else ''} "
            f"({spread.n_replicates} crossed runs)."
        )
    return sentences


def _and(sources: list[str]) -> str:
    """Return the titles of sources as a list in a sentence: `a`, `a and b`, or `a, b and c`."""
    words = list(map(noise_title, sources))
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def lost_sentences(frame: pd.DataFrame) -> list[str]:
    """Return sentences that state how many replicates diverged or failed, and are therefore left out of all numbers."""
    sentences = []
    for fate in ("diverged", "failed"):
        rows = select(frame, f"replicates_{fate}").itertuples()
        lost = [f"{int(row.value)} in {row.hardware}/{row.task}/{row.noise}" for row in rows if row.value > 0]
        if lost:
            sentences.append(f"Replicates that {fate} and are left out of all numbers: {', '.join(lost)}.")
    return sentences


def _percent(share: float) -> str:
    """Return a share in percent, without the sign."""
    return f"{100 * share:.0f}"


def overhead_sentences(overhead: pd.DataFrame) -> list[str]:
    """Return one text per kind of hardware: the overhead of determinism, and how many networks are repeatable."""
    table = overhead_frame.determinism(overhead)
    sentences = []
    for hardware, part in table.groupby("hardware", sort=False):
        top, place, why = overhead_frame.largest(part)
        kept = int((part["repeatable"] == "yes").sum())
        ends = "no interval" if pd.isna(top.low) else f"{top.low:.2f}, {top.high:.2f}"
        where = f"{top.network}, {overhead_frame.inputs_title(top)}, {_processes(top.processes)}"
        largest = f"; {place} networks" if place else ""
        undecided = f" This does not show whether determinism costs time: {why}." if why else ""
        sentences.append(
            f"Determinism on {hardware}: a deterministic training step takes {top.ratio:.2f} [{ends}] times as long "
            f"({where}{largest}).{undecided} Two runs from one state were bitwise equal for {kept} of {len(part)} "
            "networks."
        )
    return sentences


def _processes(count: int) -> str:
    return f"n = {count} processes" if count > 1 else overhead_frame.ONE_PROCESS


def _interval(row: pd.Series) -> str:
    """Return a value and its interval in brackets. Two runs give a value without an interval."""
    if pd.isna(row["low"]):
        return f"{row['value']:.2f} [no interval]"
    return f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _condition(noise: str, row: pd.Series) -> str:
    """Return the note on a cell with one seed set in brackets, or an empty string."""
    note = seed_note(noise, row["seed_sets"])
    return f" ({note})" if note else ""


def write(frame: pd.DataFrame, overhead: pd.DataFrame | None, path: Path) -> None:
    """Write the findings of a study as Markdown, HTML and reStructuredText.

    Parameters
    ----------
    frame : pandas.DataFrame
        The content of metrics.csv.
    overhead : pandas.DataFrame or None
        The content of overhead.csv, if the study times networks.
    path : Path
        Path of the .md file to write. The .html file and the .rst file (the first page of Snakemake's report) are
        written next to it.
    """
    sentences, basis = findings(frame, overhead), f"{provenance(frame)}; 95 % intervals"
    if overhead is not None:
        basis += f"; timings: {overhead_frame.provenance(overhead)}"
    write_text(path, "\n".join([*(f"- {sentence}" for sentence in sentences), "", f"({markdown(basis)})"]) + "\n")
    body = f"<ul>{''.join(map(item, sentences))}</ul><p>{html(basis)}</p>"
    write_text(path.with_suffix(".html"), page("Findings", body))
    write_text(path.with_suffix(".rst"), front(frame, sentences, basis))


def item(sentence: str) -> str:
    """Return a sentence as an HTML list item."""
    return f"<li>{html(sentence)}</li>"
