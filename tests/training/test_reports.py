"""What the process of a job writes of its running replicates, and when."""

import math
from types import SimpleNamespace

from noisegrid.common.locks import description
from noisegrid.records import progress_file
from noisegrid.training import reports as module
from noisegrid.training.reports import Reports


def made(tmp_path, monkeypatch):
    """Reports of one job of 4 epochs and 3 steps an epoch, its process, and a clock that is set by hand."""
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: now.value)
    task = SimpleNamespace(epochs=4, context=None, batch_size=32)
    job = SimpleNamespace(name="one", folder=tmp_path / "0", run=SimpleNamespace(task=task))
    reports = Reports([job])
    report = reports.reporter(job, SimpleNamespace(count=lambda part, context: 65))
    process = SimpleNamespace(pid=77)
    return now, job, process, reports, report


def run(epoch: int, step: int, *losses: float) -> SimpleNamespace:
    return SimpleNamespace(epoch=epoch, step=step, history=[{"train_loss": loss} for loss in losses])


def test_progress_is_written_from_memory_and_removed_at_the_end(tmp_path, monkeypatch):
    _, job, process, reports, report = made(tmp_path, monkeypatch)
    reports.write([(job, process)])
    assert not list(tmp_path.iterdir())  # no step yet: another process may be training the replicate
    report(run(1, 2, 0.75))
    reports.write([(job, process)])
    found = progress_file.read(job.folder, description(77))
    assert (found.epoch, found.epochs, found.part, found.loss) == (1, 4, 2 / 3, 0.75)
    assert found.share == (1 + 2 / 3) / 4 and reports.epochs == 1
    reports.end(job)
    assert not list(tmp_path.iterdir()) and reports.epochs == 4


def test_an_epoch_is_news_after_two_seconds_and_a_step_after_ten(tmp_path, monkeypatch):
    now, job, process, reports, report = made(tmp_path, monkeypatch)
    seen = []
    for moment, epoch, step in ((100, 0, 1), (101, 1, 1), (102.5, 1, 2), (109, 1, 3), (112.5, 2, 1), (113, 3, 1)):
        now.value = moment
        report(run(epoch, step, *[0.5] * epoch))
        reports.write([(job, process)])
        found = progress_file.read(job.folder, description(77))
        seen.append((found.epoch, round(3 * found.part)))
    assert seen == [(0, 1), (0, 1), (1, 2), (1, 2), (2, 1), (2, 1)]


def test_no_loss_before_the_first_epoch_has_ended(tmp_path, monkeypatch):
    _, job, process, reports, report = made(tmp_path, monkeypatch)
    report(run(0, 1))
    assert math.isnan(reports.numbers[0].loss)
    reports.write([(job, process)])
    assert progress_file.read(job.folder, description(77)).loss is None


def test_a_file_system_that_refuses_disturbs_nothing(tmp_path, monkeypatch):
    _, job, process, reports, report = made(tmp_path, monkeypatch)
    job.folder = tmp_path / "missing" / "0"
    report(run(1, 1, 0.5))
    reports.write([(job, process)])
    reports.end(job)
