"""A cell's page on hand-made metrics: every number in the column of its noise."""

import re

from factories import metrics_frame, value_of

from noisegrid.reporting.cell_pages import task_page, write_all


def rows_of(page: str) -> list[list[str]]:
    """Return the cells of every row of every table in a page, heads included, without tags."""
    rows = re.findall(r"<tr.*?>(.*?)</tr>", page, re.S)
    return [[re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<t[dh].*?>(.*?)</t[dh]>", row, re.S)] for row in rows]


def test_every_number_is_in_the_column_of_its_noise():
    frame = metrics_frame()
    rows = rows_of(task_page(frame, "cpu", "net-data"))
    assert rows[0] == ["metric", "unit", "algo_impl", "algo", "impl", "control"]
    (churn,) = [dict(zip(rows[0], row, strict=True)) for row in rows if row[0] == "churn"]
    for noise in ("algo_impl", "algo", "impl", "control"):
        value, low, high = (value_of(frame, noise, "churn", end) for end in ("value", "low", "high"))
        assert churn[noise] == f"{value:.4g}[{low:.4g}, {high:.4g}]"
    assert not [row for row in rows if row[0].startswith(("reference", "replicates"))]
    (ratio,) = [row for row in rows if row[:2] == ["class std ratio", "class 2"]]
    assert ratio[4].startswith(f"{value_of(frame, 'algo', 'class_std_ratio', group='class 2'):.4g}[")


def test_names_of_a_stranger_are_escaped(tmp_path):
    frame = metrics_frame(("<script>alert(1)</script>",))
    page = task_page(frame, "cpu", "<script>alert(1)</script>")
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_a_page_per_task(tmp_path):
    write_all(metrics_frame(("a-data", "b-data")), tmp_path / "pages")
    assert {path.name for path in (tmp_path / "pages").iterdir()} == {"cpu.a-data.html", "cpu.b-data.html"}
