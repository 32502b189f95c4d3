"""What `status` says, on folders made by hand."""

import os

import pytest
from conftest import TINY

from noisegrid.common.locks import description, one_writer
from noisegrid.planning.status import hours_left, statuses, summary
from noisegrid.records import progress_file
from noisegrid.records.progress_file import Reached
from noisegrid.records.record import replicate_folder
from noisegrid.study.resolve import load_study


def test_every_state_of_a_replicate_is_reported(tmp_path):
    study = load_study(str(TINY))
    cell = study.cell("cpu", "tiny-digits", "in_batch_order")  # four replicates
    folders = [replicate_folder(tmp_path, cell, number) for number in range(4)]
    folders[0].mkdir(parents=True)
    (folders[0] / "record.json").write_text('{"files": {}}')
    (folders[1].parent / ".1.failed").write_text("OSError: disk full\n")
    (folders[2].parent / ".2.checkpoints").mkdir()
    (folders[2].parent / ".2.checkpoints/abc.pt").touch()
    with one_writer(folders[3]):
        progress_file.write(folders[3], Reached(description(os.getpid()), 1, 2, 0.5, 0.75))
        found = next(one for one in statuses(study, tmp_path) if one.cell == cell)
        text = summary(study, tmp_path)
    assert len(found.finished_at) == 1 and found.left == 3
    assert found.failures == {1: "OSError: disk full"} and found.checkpointed == [2]
    assert f"process {os.getpid()}" in found.running[3]
    assert "done  running  checkpointed  failed   left" in text
    assert f"running: replicate 3 of cpu/tiny-digits/in_batch_order: process {os.getpid()}" in text
    assert ", epoch 2 of 2, loss 0.75\n" in text
    assert "failed: replicate 1 of cpu/tiny-digits/in_batch_order: OSError: disk full" in text
    assert "tiny: 0 of 21 cells and 1 of" in text and "1 running, 1 failed" in text


def test_hours_left_go_by_the_last_replicates(tmp_path):
    study = load_study(str(TINY))
    cell = study.cell("cpu", "tiny-digits", "in_batch_order")
    for number in range(3):
        record = replicate_folder(tmp_path, cell, number) / "record.json"
        record.parent.mkdir(parents=True)
        record.write_text('{"files": {}}')
        os.utime(record, (0, 1000 + 3600 * number))  # one an hour
    assert hours_left([one for one in statuses(study, tmp_path) if one.cell == cell]) == 1.0
    assert hours_left([]) is None


@pytest.mark.slow
def test_a_finished_study_says_so(finished):
    study = load_study(str(TINY))
    assert summary(study, finished / "results").startswith("tiny: 21 of 21 cells and 65 of 65 replicates done; 2 of 2")
