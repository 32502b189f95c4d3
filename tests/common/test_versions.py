"""Files of other versions: read, or refused in a sentence that says which release reads them."""

import lzma
from pathlib import Path

import pytest
from conftest import ROOT, noisegrid
from factories import metrics_frame

from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.metrics_frame import load_metrics
from noisegrid.reporting.overhead_frame import load_overhead


@pytest.mark.parametrize(
    ("found", "remedy"),
    [(1, "noisegrid 0.1 reads it"), (9, "a later release of noisegrid reads it"), ("x", "a later release")],
)
def test_another_version_is_refused_with_the_release_that_reads_it(found, remedy):
    with pytest.raises(NoisegridError, match=rf"a.json has version {found} of its format.*version 2; {remedy}"):
        versions.check_version(found, 2, "a.json")


def test_the_present_version_and_those_read_too_are_accepted():
    versions.check_version(2, 2, "a.json")
    versions.check_version(1, 2, "a.json", also=(1,))


def test_metrics_of_version_1_are_read():
    """The file is part of one that release 0.1 wrote; it has no column `schema`."""
    frame = load_metrics(Path(__file__).with_name("metrics_version1.csv"))
    assert set(frame["schema"]) == {1} and set(frame["noise"]) == {"algo", "order"}


def test_metrics_of_version_2_are_read():
    """The file is part of one that release 0.2 wrote."""
    frame = load_metrics(Path(__file__).with_name("metrics_version2.csv"))
    assert set(frame["schema"]) == {2} and set(frame["note"]) == {""} and frame["p"].isna().all()


def test_committed_results_of_the_present_version_are_read():
    assert set(load_metrics(ROOT / "docs/results/quick/metrics.csv")["schema"]) == {versions.METRICS}


def test_timings_of_version_1_are_read_as_one_process():
    """The file is the beginning of one that release 0.1 wrote."""
    frame = load_overhead(Path(__file__).with_name("overhead_version1.csv"))
    assert set(frame["schema"]) == {1} and set(frame["process"]) == {0}


def test_committed_timings_of_the_present_version_are_read():
    assert set(load_overhead(ROOT / "docs/results/quick/overhead.csv")["schema"]) == {versions.OVERHEAD}


def test_metrics_of_a_later_version_are_refused(tmp_path):
    metrics_frame().assign(schema=99).to_csv(tmp_path / "metrics.csv", index=False)
    with pytest.raises(NoisegridError, match=r"metrics.csv has version 99 of its format"):
        load_metrics(tmp_path / "metrics.csv")


def test_a_crate_of_release_0_1_is_refused_with_the_release_that_reads_it(tmp_path):
    """A partly finished study, packaged by release 0.1."""
    packed = Path(__file__).parent.parent / "crate/old_crates/format1.crate.zip.xz"
    crate = tmp_path / "old.crate.zip"
    crate.write_bytes(lzma.decompress(packed.read_bytes()))
    done = noisegrid("verify", crate)
    assert done.returncode == 1
    assert "old.crate.zip, a crate of a study, has version 1 of its format" in done.stdout, done.stdout
    assert "noisegrid 0.1 reads it" in done.stdout and "Traceback" not in done.stdout
