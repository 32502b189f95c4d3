"""A verdict as JSON, Markdown and HTML: complete, right, and safe whatever the names in the files are."""

import dataclasses
import html.parser
import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from markdown_it.token import Token

from noisegrid.common.schemas import schema
from noisegrid.gating.gate import Gate, judge
from noisegrid.gating.question import Question
from noisegrid.presenting import as_html, as_json, as_markdown
from noisegrid.reading.runs import CannotJudge, Examples, Read, Runs

VALID = Draft202012Validator(schema("gate"))
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1)) | `a` @all #1 \x1b[2J\u202e\n"
WHY = CannotJudge("base has 2 runs, and a verdict needs at least 3 of each side; add 1 with other seeds")


def runs(values: list[float], name: str = "run", metric: str = "accuracy", seeds: bool = False) -> Runs:
    count = len(values)
    return Runs(
        np.array(values), metric, tuple(f"{name} {n}" for n in range(count)),
        tuple(f"{name} {n}" for n in range(count)) if seeds else None,
        read=(Read(f"{name}.csv", f"column {metric!r}", count, count),),
    )  # fmt: skip


BASE = [93.1, 92.8, 93.0, 93.3, 92.9]
NEW = [94.2, 94.0, 94.4, 94.1]


def predictions(first: float, seed: int, classes: int = 30, count: int = 4) -> Runs:
    """Runs whose predictions are right for 80 % of 20 examples of each class, but for another share of the first."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), 20)
    right = rng.random((count, len(labels))) < np.where(labels == 0, first, 0.8)
    predicted = np.where(right, labels, (labels + 1) % classes)
    names = tuple(f"kind {n}" for n in range(classes))
    examples = Examples(right, predicted=predicted, labels=labels, classes=names)
    return Runs(100 * right.mean(axis=1), "accuracy", tuple(f"r{n}" for n in range(count)), None, examples)


JUDGED: dict[str, Gate] = {
    "better": judge(runs(BASE), runs(NEW), Question(at_least=0.2, within=0.1)),
    "worse": judge(runs(BASE, metric="loss"), runs(NEW, metric="loss"), Question(at_least=0.2)),
    "undecided": judge(runs(BASE, seeds=True), runs([93.4, 92.5, 93.2, 93.1, 92.8], seeds=True), Question()),
    "equivalent": judge(runs(BASE), runs([93.2, 92.7, 93.1, 93.0, 92.95]), Question(within=2)),
    "examples": judge(predictions(0.4, 1), predictions(1.0, 2), Question()),
    "identical": judge(runs([5.0] * 3), runs([6.0] * 3), Question(allow_identical=True)),
}
JUDGED["few"] = judge(runs(BASE[:3]), runs(NEW[:3]), Question(at_least=4))  # intervals are wider than the runs
VERDICTS = ("better", "worse", "undecided", "equivalent")
CASES = pytest.mark.parametrize("found", JUDGED.values(), ids=JUDGED.keys())


def hostile(text: str) -> Gate:
    """A verdict in which every text of unknown origin is the given one."""
    both = [
        Runs(np.array(values), text, tuple(f"{text}{n}" for n in range(4)), tuple(f"{text}{n}" for n in range(4)),
             read=(Read(text, text, 4, 4),))
        for values in ([93.1, 92.8, 93.0, 99.3], [93.4, 92.5, 93.2, 93.1])
    ]  # fmt: skip
    found = judge(*both, Question(lower_is_better=False))  # no note that depends on the name of the metric
    classes = tuple(dataclasses.replace(each, name=text) for each in JUDGED["examples"].examples.classes)
    return dataclasses.replace(found, examples=dataclasses.replace(JUDGED["examples"].examples, classes=classes))


# --- JSON ------------------------------------------------------------------------------------------------------------


@CASES
def test_a_verdict_is_a_valid_document(found):
    document = json.loads(as_json.text(as_json.to_document(found)))
    assert VALID.is_valid(document), [error.context for error in VALID.iter_errors(document)]
    assert document == as_json.to_document(found)
    assert document["sentence"] == str(found) and document["exit_code"] == found.exit_code


def test_the_five_kinds_of_documents_have_their_exit_codes():
    codes = [as_json.to_document(JUDGED[name])["exit_code"] for name in VERDICTS]
    document = as_json.unjudged(WHY)
    assert [*codes, document["exit_code"]] == [0, 3, 4, 5, 6]
    assert VALID.is_valid(document) and document["verdict"] == "unjudged"
    assert document["reason"] == str(WHY) and document["sentence"] == f"cannot be judged: {WHY}"


def test_a_document_has_the_numbers_of_the_verdict():
    document = as_json.to_document(JUDGED["better"])
    assert document["difference"]["value"] == pytest.approx(94.175 - 93.02)
    assert document["base"]["values"] == BASE and document["new"]["mean"]["value"] == pytest.approx(94.175)
    assert document["base"]["read"] == [{"file": "run.csv", "what": "column 'accuracy'", "rows": 5, "runs": 5}]
    assert document["question"]["at_least"] == 0.2 and document["direction"] == "higher"
    assert as_json.to_document(JUDGED["worse"])["direction"] == "lower"
    assert document["superiority"]["error"] is None  # NaN
    examples = as_json.to_document(JUDGED["examples"])["examples"]
    assert examples["count"] == 600 and len(examples["classes"]) == 30
    assert examples["churn_between"]["value"] == JUDGED["examples"].examples.churn_between.value


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"verdict": "good"},
        {"difference": None},
        {"exit_code": 6},
        {"format": 2},
        {"base": {"values": []}},
    ],
)
def test_the_schema_refuses_another_document(change):
    assert not VALID.is_valid(as_json.to_document(JUDGED["better"]) | change)


def test_the_schema_requires_what_every_document_has():
    for key in as_json.to_document(JUDGED["better"]).keys() - {"look"}:
        document = as_json.to_document(JUDGED["better"])
        del document[key]
        assert not VALID.is_valid(document), key


def test_the_schema_describes_every_key():
    kinds = schema("gate")["$defs"]
    keys = [
        (kind, key, entry if "description" in entry else kinds.get(entry.get("$ref", "").removeprefix("#/$defs/"), {}))
        for kind, entries in kinds.items()
        for key, entry in entries.get("properties", {}).items()
    ]
    assert len(keys) > 60 and [(kind, key) for kind, key, entry in keys if "description" not in entry] == []


def test_json_is_plain_text_for_a_terminal_and_keeps_the_names():
    text = as_json.text(as_json.to_document(hostile(HOSTILE)))
    assert re.fullmatch(r"[\n -~]*", text)
    assert json.loads(text)["metric"] == HOSTILE


# --- Markdown --------------------------------------------------------------------------------------------------------


def tokens(block: Token) -> list[Token]:
    return [block, *(block.children or ())]


def test_a_comment_by_hand():
    assert as_markdown.comment(JUDGED["better"]).splitlines()[:7] == [
        "**✓ better: the accuracy of new is higher than that of base by 1.16 \\[0.87, 1.44\\], which is more than 0.20 "
        "(95 % interval, Welch's t, 5 + 4 runs; higher is better)**",
        "",
        "| accuracy | runs | mean (95 % interval) | standard deviation |",
        "| --- | --: | --: | --: |",
        "| base | 5 | 93.02 \\[92.78, 93.26\\] | 0.19 |",
        "| new | 4 | 94.18 \\[93.90, 94.45\\] | 0.17 |",
        "| new − base | | +1.16 \\[+0.87, +1.44\\] | |",
    ]


@CASES
def test_a_comment_has_the_sentence_the_table_the_lines_and_what_was_read(found):
    text = as_markdown.comment(found)
    kinds = Counter(token.type for block in MARKDOWN.parse(text) for token in tokens(block))
    assert kinds["strong_open"] == 1 and kinds["table_open"] == 1 and kinds["tr_open"] == 4 and kinds["td_open"] == 12
    inline = [token.content for token in MARKDOWN.parse(text) if token.type == "inline"]
    assert inline[0].startswith("**") and found.verdict in inline[0] and inline[0].endswith("better)**")
    assert kinds["html_block"] == 2  # the start and the end of what can be opened
    assert ("run.csv" in text) == bool(found.base.read)


def test_many_files_are_one_line():
    reads = [Read(f"{index}.csv", "column 'a'", 2, 1) for index in range(1000)]
    base = dataclasses.replace(runs(BASE), read=(*reads, Read("x.csv", "numbers", 1, 1)))
    text = as_markdown.comment(judge(base, runs(NEW), Question()))
    assert "- base: 1,000 files from 0.csv to 999.csv: column 'a', 2,000 rows, 1,000 runs\n" in text
    assert "- base: x.csv: numbers, 1 row, 1 run\n" in text


@settings(max_examples=60, deadline=None)
@given(st.text(st.one_of(st.sampled_from("\\`*_[]<>#+-.!|~@:/ \n\x1b\u202ea1w"), st.characters()), min_size=1))
def test_no_text_of_a_file_acts_in_a_comment(text):
    plain, planted = (
        Counter(token.type for block in MARKDOWN.parse(as_markdown.comment(hostile(name))) for token in tokens(block))
        for name in ("x", text)
    )
    for kind in ("text", "text_special", "softbreak"):
        plain.pop(kind, None), planted.pop(kind, None)
    assert planted == plain
    assert not re.search(r"@(?=[\w-])", as_markdown.comment(hostile(text)))  # an @ that could begin a name


def test_a_comment_on_runs_that_cannot_be_judged():
    assert as_markdown.unjudged(WHY) == f"**! cannot be judged: {WHY}**\n"
    assert as_markdown.unjudged(CannotJudge("a|b *c* @me #2")) == (
        "**! cannot be judged: a\\|b \\*c\\* \\@&#8203;me \\#&#8203;2**\n"
    )


# --- HTML ------------------------------------------------------------------------------------------------------------


class Reader(html.parser.HTMLParser):
    """What a page consists of: its tags with the names of their attributes, its text, and its tags that stay open."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.words, self.open = list[tuple](), list[str](), list[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, *sorted(name for name, _ in attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def marks(text: str, kind: str) -> int:
    return len(re.findall(rf'<(?:circle|path)[^>]* class="{kind}"', text))


@CASES
def test_a_page_asks_for_nothing_runs_nothing_and_closes_what_it_opens(found):
    text = as_html.verdict_page(found)
    page = Reader(text)
    assert page.open == []
    tags, attributes = {tag for tag, *_ in page.tags}, {name for _, *names in page.tags for name in names}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "a", "base", "form", "use", "image"}
    assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "xlink:href", "srcdoc")]
    assert not re.search(r"https?:|url\(|@import", text)


@CASES
def test_a_page_says_all_that_the_comment_says(found):
    words = "".join(Reader(as_html.verdict_page(found)).words)
    told = " ".join(MARKDOWN.render(as_markdown.comment(found)).replace("\u200b", "").split())
    numbers = set(re.findall(r"[+−]?\d+\.\d+", re.sub(r"<[^>]*>", "", told)))
    assert len(numbers) > 8 and numbers <= set(re.findall(r"[+−]?\d+\.\d+", words))
    assert found.verdict in words and all(read.file in words for read in found.base.read)


@CASES
def test_the_figure_has_every_run_and_both_means(found):
    text = as_html.verdict_page(found)
    assert marks(text, "run base") == len(found.base.values) and marks(text, "run new") == len(found.new.values)
    assert text.count('class="pair"') == (len(found.base.values) if found.paired else 0)
    assert text.count('<title id="runs-title">Runs and means</title><desc id="runs-desc">base: ') == 1


@CASES
def test_everything_is_inside_of_its_drawing(found):
    places = [float(place) for place in re.findall(r' c?x[12]?="([^"]*)%"', as_html.verdict_page(found))]
    assert len(places) > 30 and min(places) >= 0 and max(places) <= 100


def test_a_run_has_its_name_seed_and_result_under_the_mouse():
    text = as_html.verdict_page(JUDGED["undecided"])
    assert "<title>run 0, seed run 0: 93.1</title>" in text and "<title>run 1, seed run 1: 92.5</title>" in text
    assert "<title>run 3: 93.3</title>" in as_html.verdict_page(JUDGED["better"])


def test_the_guides_are_where_they_were_asked_for():
    """The scale ends at −0.1 (the band) and 1.44 (the interval), with a margin of 5 %; its places are 4 % to 96 %."""
    text = as_html.verdict_page(JUDGED["better"])
    high = JUDGED["better"].difference.high
    low, width = -0.1 - 0.05 * (high + 0.1), 1.1 * (high + 0.1)

    def place(value: float) -> str:
        return f"{4 + 92 * (value - low) / width:.2f}%"

    assert f'x1="{place(0)}" y1="0" x2="{place(0)}" y2="100%" class="zero"' in text
    assert f'x1="{place(0.2)}" y1="0" x2="{place(0.2)}" y2="100%" class="asked"' in text
    assert f'<rect x="{place(-0.1)}" width="{92 * 0.2 / width:.2f}%" y="0" height="100%" class="band">' in text
    assert "Shaded: within ± 0.10" in text and "Dashed: +0.20" in text


def test_if_lower_is_better_the_gain_is_on_the_left():
    text = as_html.verdict_page(JUDGED["worse"])
    assert "base better →" in text and "new better, base better" in text and "Dashed: −0.20" in text
    text = as_html.verdict_page(JUDGED["better"])
    assert "new better →" in text and "base better, new better" in text and "Dashed: +0.20" in text


def test_what_was_not_asked_is_not_drawn():
    text = as_html.verdict_page(JUDGED["undecided"])
    assert 'class="zero"' in text and 'class="band"' not in text and 'class="asked"' not in text
    assert "Churn" not in text and "Classes" not in text


def test_twenty_classes_are_drawn_and_the_others_are_in_a_table():
    found = JUDGED["examples"]
    text = as_html.verdict_page(found)
    drawn, others = text[text.index("<h2>Classes") :].split("<details>")[:2]
    names = [re.findall(r"<th scope=row>(kind \d+)", part) for part in (drawn, others)]
    assert [len(set(of)) for of in names] == [20, 10] and len({*names[0], *names[1]}) == 30
    changed = found.examples.changed(found.level)
    assert [each.name for each in changed] == ["kind 0"] and "kind 0" in names[0]
    assert marks(drawn, "mean difference") == 3 and marks(drawn, "mean open") == 3 * 19  # a mark and two strokes each
    assert "1 of 30 classes differ" in drawn


def test_churn_has_a_row_for_each_kind_of_pair():
    text = as_html.verdict_page(JUDGED["examples"])
    churn = text[text.index("<h2>Churn") : text.index("<h2>Classes")]
    assert re.findall(r"<th scope=row>([a-z ]+?) </th>", churn) == [
        "two runs of base",
        "two runs of new",
        "one run of each",
    ]


@settings(max_examples=40, deadline=None)
@given(st.text(st.one_of(st.sampled_from("<>&\"'/=!- ax"), st.characters()), min_size=1))
@example(HOSTILE)
@example("' onload='alert(1)")
def test_no_text_of_a_file_changes_a_page(text):
    plain, planted = (Reader(as_html.verdict_page(hostile(name))) for name in ("x", text))
    assert planted.tags == plain.tags


def test_numbers_that_no_scale_has_leave_out_the_figure_alone():
    found = JUDGED["better"]
    odd = dataclasses.replace(found.base, values=(1e308, -1e308, 0.0), names=("a", "b", "c"))
    text = as_html.verdict_page(dataclasses.replace(found, base=odd))
    assert "<h2>Runs" not in text and "<h2>Difference" in text and "1e+308" in text


def test_a_page_on_runs_that_cannot_be_judged():
    text = as_html.unjudged(CannotJudge("the file <a.csv> is empty"))
    assert "! </span>" not in text and "The file &lt;a.csv&gt; is empty." in text and Reader(text).open == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_needs_no_sideways_scrolling_in_a_browser(chromium, tmp_path: Path, width):
    """Also with long names: in a frame of that width, because a window has a least width."""
    pages = [hostile(HOSTILE), hostile("x" * 400), JUDGED["examples"]]
    frames = "".join(
        f'<iframe width={width} height=900 srcdoc="{html.escape(as_html.verdict_page(found))}"></iframe>'
        for found in pages
    )
    script = (
        "onload = () => {document.title = [...document.querySelectorAll('iframe')].map("
        "f => f.contentDocument.documentElement.scrollWidth).join(' ')}"
    )
    path = tmp_path / "frames.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><script>{script}</script>{frames}")
    shown = subprocess.run(
        [*chromium, "--virtual-time-budget=5000", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    widths = re.search(r"<title>(.*?)</title>", shown).group(1).split()
    assert len(widths) == 3 and all(int(found) <= width for found in widths)
