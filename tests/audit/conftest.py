"""Audits of the scripts in the folder `scripts`."""

from pathlib import Path

import pytest

from noisegrid.audit.command import arguments_of
from noisegrid.audit.evidence import Evidence, gathered
from noisegrid.audit.runs import Runs, Servers

SCRIPTS = Path(__file__).resolve().parent / "scripts"


@pytest.fixture(scope="session")
def servers():
    """Processes for the runs of all audits."""
    with pytest.MonkeyPatch.context() as patch, Servers() as found:
        patch.chdir(SCRIPTS)
        found.start("0")
        yield found


@pytest.fixture
def audited(servers, monkeypatch):
    """Return the function that gathers the evidence about a script's function `train`."""

    def evidence(script: str, steps: int = 20) -> Evidence:
        monkeypatch.chdir(SCRIPTS)
        monkeypatch.syspath_prepend(SCRIPTS)
        seeds, resumable = arguments_of(f"{script}:train")
        return gathered(Runs(f"{script}:train", seeds, servers, resumable, steps))

    return evidence
