"""The whole page on metrics made by hand: what is in it, and that texts of a stranger are texts."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from factories import metrics_frame
from test_page_explorer import with_runs

from noisegrid.reporting.page.write import write_page
from noisegrid.reporting.registry import FIGURES

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e3660000"
    "000049454e44ae426082"
)


@pytest.fixture(autouse=True)
def no_libraries(monkeypatch):
    """Leave DataTables and Vega out: they take seconds, and tests/workflow/test_report.py has the page with them."""
    monkeypatch.setattr("noisegrid.reporting.page.inline.data_tables", lambda: "")
    monkeypatch.setattr("noisegrid.reporting.page.inline.vega", lambda: "")


def written(folder: Path, frame=None, images=(), inference=()) -> str:
    frame = with_runs(metrics_frame(("smallcnn-digits", "mine"))) if frame is None else frame
    write_page(frame, None, images, inference, "provenance.html", folder / "report.html")
    return (folder / "report.html").read_text()


class Page(HTMLParser):
    """The tags of a page, its identifiers, its links within the page, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.ids, self.links, self.loaded = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name == "href"]
        self.loaded += [value for name, value in attrs if name in ("src", "srcset", "data")]
        assert not [name for name, _ in attrs if name.startswith("on")]


def test_every_link_leads_somewhere_and_nothing_is_loaded(tmp_path):
    (tmp_path / "figure_1.png").write_bytes(PIXEL)
    page = Page(written(tmp_path, images=[tmp_path / "figure_1.png"]))
    assert len(page.ids) == len(set(page.ids))
    assert set(page.links) - {f"#{each}" for each in page.ids} == {"provenance.html"}
    assert page.loaded and all(address.startswith("data:image/png;base64,") for address in page.loaded)
    assert {"cells-cpu-smallcnn-digits", "cells-cpu-mine", "table-noise", "figure_1"} <= set(page.ids)


def test_the_figure_at_the_top_is_not_shown_again_and_svg_goes_before_png(tmp_path):
    for name in ("figure_sources.png", "figure_1.png", "figure_1.svg"):
        (tmp_path / name).write_bytes(PIXEL if name.endswith("png") else b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    page = Page(written(tmp_path, images=sorted(tmp_path.glob("figure_*"))))
    assert [name for name in page.ids if name.startswith("figure_")] == ["figure_sources", "figure_1"]
    assert [address.partition(";")[0] for address in page.loaded] == ["data:image/png", "data:image/svg+xml"]


def test_captions_have_no_marks_of_their_source(tmp_path):
    images = [tmp_path / f"{name}.png" for name in FIGURES]
    for image in images:
        image.write_bytes(PIXEL)
    text = written(tmp_path, images=images)
    captions = re.findall("<figcaption>(.*?)</figcaption>", text, re.DOTALL)
    assert len(captions) == len(images) and not [caption for caption in captions if re.search("[`|_*]", caption)]


def test_n_and_device_stand_in_a_figure_and_its_description_only(tmp_path):
    (tmp_path / "figure_1.png").write_bytes(PIXEL)
    text = written(tmp_path, images=[tmp_path / "figure_1.png"])
    (figure,) = re.findall("<figure.*?</figure>", text, re.DOTALL)
    assert figure.count("n = 10 replicates per cell") == 1 and "n = 10" in re.search('alt="([^"]*)"', figure)[1]


def test_every_number_of_a_table_has_the_heading_of_its_column_for_a_phone(tmp_path):
    text = written(tmp_path)
    (table,) = re.findall('<section class=table id="table-noise">.*?</table>', text, re.DOTALL)
    headings = re.findall("<th scope=col class=[a-z]+>(.*?)</th>", table)
    rows = re.findall("<tr>.*?</tr>", table, re.DOTALL)[1:]
    assert len(rows) == 8
    for row in rows:
        assert re.findall('<td class=[a-z]+ data-heading="(.*?)"', row) == headings


def test_the_same_data_give_the_same_bytes(tmp_path):
    assert written(tmp_path) == written(tmp_path)


def test_an_evaluation_is_shown_with_its_table(tmp_path):
    place = tmp_path / "inference/cpu/mine"
    place.mkdir(parents=True)
    (place / "impl.txt").write_text("batch size 4: <b>differs</b>\n")
    (place / "impl.png").write_bytes(PIXEL)
    text = written(tmp_path, inference=[place / "impl.txt", place / "impl.png"])
    assert "mine, CPU, implementation" in text and "batch size 4: &lt;b&gt;differs&lt;/b&gt;" in text


def test_metrics_with_many_groups_are_named_and_left_out(tmp_path):
    frame = metrics_frame()
    (row,) = frame[(frame["metric"] == "churn") & (frame["noise"] == "algo")].to_dict("records")
    for k in range(101):
        frame.loc[len(frame)] = row | {"metric": "class_note", "group": f"class {k}"}
    text = written(tmp_path, frame)
    assert "only in metrics.csv: class note." in text


def test_texts_of_a_stranger_are_texts(tmp_path):
    """In every column that holds texts, also where names have been checked before."""
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \x1b[2J\u202e {{ 7 * 7 }}"
    columns = ["device", "versions", "note", "study", "interval", "unit"]
    frame = with_runs(metrics_frame()).astype(dict.fromkeys(columns, object))
    frame[columns] = hostile
    frame.loc[frame["metric"] == "class_accuracy_std", "group"] = hostile
    text = written(tmp_path, frame)
    page = Page(text)
    assert "img" not in page.tags and page.tags.count("script") == 3 + 1  # libraries, our own, and the chart's data
    assert text.count("alert(1)") > 20 and "{{ 7 * 7 }}" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)
