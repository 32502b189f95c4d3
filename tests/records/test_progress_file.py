"""Progress files that are missing, cut off, forged or out of date say nothing."""

import json

import pytest

from noisegrid.records.progress_file import Reached, progress_file, read, write

MINE = "process 7 on node1"
SOUND = {"process": MINE, "epoch": 3, "epochs": 12, "part": 0.5, "loss": 0.25}


def test_what_was_written_is_read(tmp_path):
    write(tmp_path / "0", Reached(**SOUND))
    found = read(tmp_path / "0", MINE)
    assert found == Reached(**SOUND) and found.share == 3.5 / 12
    assert [path.name for path in tmp_path.iterdir()] == [".0.progress"]


def test_what_another_process_left_is_out_of_date(tmp_path):
    write(tmp_path / "0", Reached(**SOUND))
    assert read(tmp_path / "0", "process 8 on node1") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        json.dumps(SOUND)[:20],
        "[1]",
        "null",
        "\udcff",
        json.dumps({key: SOUND[key] for key in SOUND if key != "epoch"}),
        json.dumps(SOUND | {"epochs": 0}),
        json.dumps(SOUND | {"epoch": "three"}),
        json.dumps(SOUND | {"epoch": -1}),
        json.dumps(SOUND | {"loss": float("nan")}),
    ],
)
def test_a_damaged_file_says_nothing(tmp_path, text):
    progress_file(tmp_path / "0").write_bytes(text.encode(errors="surrogateescape"))
    assert read(tmp_path / "0", MINE) is None


def test_a_missing_file_says_nothing(tmp_path):
    assert read(tmp_path / "0", MINE) is None
