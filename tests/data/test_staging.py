"""Copies of datasets on the disk of a node: made, used, removed, or refused in a sentence."""

import shutil
from types import SimpleNamespace

import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.data.prepared import open_prepared
from noisegrid.data.staging import staged


@pytest.fixture
def on_a_node(monkeypatch, tmp_path):
    """A SLURM job with a disk of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("TMPDIR", str(disk))
    return disk


def test_datasets_are_copied_for_the_time_of_a_job(datasets, on_a_node, capsys):
    with staged(datasets, ["digits"], "$TMPDIR") as folder:
        assert folder.parent == on_a_node and folder.name.startswith("noisegrid-")
        assert open_prepared(folder / "digits").digest == open_prepared(datasets / "digits").digest
    assert not list(on_a_node.iterdir()) and "of datasets to" in capsys.readouterr().err


def test_copies_go_if_training_fails(datasets, on_a_node):
    with pytest.raises(RuntimeError), staged(datasets, ["digits"], "${TMPDIR}"):
        raise RuntimeError("planted")
    assert not list(on_a_node.iterdir())


def test_a_full_disk_is_no_reason_to_stop(datasets, on_a_node, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=100_000))
    with staged(datasets, ["digits"], "$TMPDIR") as folder:
        assert folder == datasets
    assert "has 100 kB free, but the datasets take" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scratch", "message"),
    [
        ("$NO_SUCH_VARIABLE", "this variable is not set on .*; name a folder, or remove `scratch`"),
        ("/no/such/folder", "/no/such/folder is not a folder on .* that can be written"),
    ],
)
def test_a_disk_that_is_not_there_is_named(datasets, on_a_node, scratch, message):
    with pytest.raises(NoisegridError, match=message), staged(datasets, ["digits"], scratch):
        pass


def test_nothing_is_copied_outside_slurm_or_without_a_disk(datasets, on_a_node, monkeypatch):
    with staged(datasets, ["digits"], "") as folder:
        assert folder == datasets
    monkeypatch.delenv("SLURM_JOB_ID")
    with staged(datasets, ["digits"], "$NO_SUCH_VARIABLE") as folder:
        assert folder == datasets
