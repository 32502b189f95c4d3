"""A disk that is full while a study trains stops the job, and nothing is lost."""

import os
import subprocess

import pytest
from conftest import LONG, LONG_TABLES, hashes, outcome, snakemake


@pytest.mark.slow
@pytest.mark.release
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_full_disk_stops_the_job_and_loses_nothing(undisturbed, tmp_path):
    """Two of four replicates fit; with more room the next call trains the rest."""
    calm = outcome(undisturbed, "long")
    (tmp_path / "long.yaml").write_text(LONG)
    place = tmp_path / "results/long/replicates"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", place], check=True)
    try:
        done = snakemake(tmp_path, *LONG_TABLES, study=tmp_path / "long.yaml")
        assert done.returncode != 0 and "is full; make space and run again" in done.stdout, done.stdout
        kept = hashes(tmp_path, "long")
        assert len(kept) < 4 and kept.items() <= calm.items()
        subprocess.run(["mount", "-o", "remount,size=100m", place], check=True)
        done = snakemake(tmp_path, *LONG_TABLES, study=tmp_path / "long.yaml")
        assert done.returncode == 0, done.stdout
        assert outcome(tmp_path, "long") == calm
    finally:
        subprocess.run(["umount", place], check=True)
