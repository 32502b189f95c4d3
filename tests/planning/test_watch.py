"""What a watch sees of a study, on folders made by hand."""

import json
import os

import pytest
from conftest import TINY

from noisegrid.common.locks import description, lock_file, one_writer
from noisegrid.planning.watch import Watch
from noisegrid.records import chunk_file, progress_file
from noisegrid.records.progress_file import Reached
from noisegrid.records.record import replicate_folder
from noisegrid.study.resolve import load_study

STUDY = load_study(str(TINY))
CELL = STUDY.cell("cpu", "tiny-digits", "in_batch_order")  # four replicates
MINE = description(os.getpid())


def finish(results, number: int, at: float = 1000.0, **found: float) -> None:
    record = replicate_folder(results, CELL, number) / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"results": found}))
    os.utime(record, (at, at))


def test_every_state_of_a_replicate_is_seen(tmp_path):
    folders = [replicate_folder(tmp_path, CELL, number) for number in range(4)]
    finish(tmp_path, 0, at=990.0, test_accuracy_percent=93.25)
    (folders[1].parent / ".1.failed").write_text("OSError: disk full\n")
    (folders[2].parent / ".2.lock").touch()  # about to be locked, or left by a process that was killed at once
    with one_writer(folders[3]):
        os.utime(lock_file(folders[3]), (980, 980))
        progress_file.write(folders[3], Reached(MINE, 1, 2, 0.5, 0.75))
        look = Watch(STUDY, tmp_path).look(now=1000.0)
    assert (look.cells, look.cells_done, look.replicates, look.finished) == (21, 0, 65, 1)
    (running,) = look.running
    assert (running.cell, running.number, running.process, running.since) == (CELL, 3, MINE, 980)
    assert running.reached.share == 0.75 and running.reached.loss == 0.75
    assert look.failed == [((CELL, 1), "OSError: disk full")]
    assert (look.last, look.last_at, look.last_result) == ((CELL, 0), 990.0, "accuracy 93.2 %")
    assert (look.networks, look.timed) == (2, 0) and not look.is_trained


def test_progress_of_a_process_that_is_gone_is_not_shown(tmp_path):
    folder = replicate_folder(tmp_path, CELL, 3)
    with one_writer(folder):
        progress_file.write(folder, Reached("process 1 on elsewhere", 1, 2, 0.5, 0.75))
        (running,) = Watch(STUDY, tmp_path).look().running
    assert running.reached is None
    assert Watch(STUDY, tmp_path).look().running == []  # the file is still there, the lock is not


def test_a_cell_with_diverged_replicates_is_done(tmp_path):
    for number in range(3):
        finish(tmp_path, number)
    watch = Watch(STUDY, tmp_path)
    assert watch.look(now=1000.0).cells_done == 0
    chunk = tmp_path / "tiny/chunks/cpu/tiny-digits/0-3.json"
    chunk_file.write(chunk, tmp_path, [(CELL, 3)], diverged=[(CELL, 3)])
    assert watch.look(now=1005.0).diverged == 0  # chunk files are not read at every look
    look = watch.look(now=1011.0)
    assert (look.diverged, look.cells_done) == (1, 1)
    chunk.write_text(chunk.read_text()[:-9])  # `noisegrid status` names a damaged one
    assert watch.look(now=1022.0).cells_done == 1


def test_time_left_goes_by_what_was_done_while_watching(tmp_path):
    watch, folder = Watch(STUDY, tmp_path), replicate_folder(tmp_path, CELL, 0)
    with one_writer(folder):
        progress_file.write(folder, Reached(MINE, 0, 2, 0.5, None))
        os.utime(lock_file(folder), (998, 998))
        assert watch.look(now=1000.0).hours_left is None  # two seconds say nothing
        os.utime(lock_file(folder), (990, 990))
        progress_file.write(folder, Reached(MINE, 1, 2, 0.5, 0.5))
        # three quarters in 20 s, and 64 1/4 are left
        assert watch.look(now=1010.0).hours_left == pytest.approx(64.25 / (0.75 / 20) / 3600)
        # half a replicate in 36 s, and 64 1/4 are left
        assert watch.look(now=1036.0).hours_left == 72 * 64.25 / 3600
    finish(tmp_path, 0, at=1100.0)
    # the first look is out of the window of five minutes; three quarters in 300 s since the second one
    assert watch.look(now=1310.0).hours_left == 300 / 0.25 * 64 / 3600


def test_before_that_it_goes_by_the_last_replicates(tmp_path):
    for number in range(3):
        finish(tmp_path, number, at=1000 + 3600.0 * number)
    assert Watch(STUDY, tmp_path).look(now=9000.0).hours_left == 62.0
