"""The plugin in sessions of pytest of their own: fixtures, the option, fresh processes, xdist, and no PyTorch."""

import re
import sys
import tomllib

import pytest
import torch._dynamo
from conftest import ROOT

from noisegrid.testing import fresh, outcome, plugin, same_run

pytest_plugins = "pytester"

#: Imported first, because a session in this process forgets its imports, and PyTorch cannot be imported twice.
IMPORTED = (torch._dynamo, fresh, outcome, same_run)


def test_a_session_that_never_began_ends_quietly():
    """A hook of conftest.py may raise UsageError before that of the plugin is called."""
    plugin.pytest_unconfigure(object())


#: Functions that tests call; each test in a session names one of them.
FUNCTIONS = """
import os

import torch
from noisegrid.testing import assert_deterministic as imported
from torch import nn


def seeded():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    network(torch.randn(5, 3)).sum().backward()
    return network


def unseeded():
    return nn.Dropout(0.5)(torch.ones(100))


def of_the_process():
    return {"process": os.getpid()}


def of_the_threads():
    return torch.ones(4) * torch.get_num_threads()
"""


@pytest.fixture
def installed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder of tests, for a pytest that finds the plugin by the entry points of pyproject.toml, as if installed."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    metadata = pytester.mkdir("site") / "noisegrid_points-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: noisegrid-points\nVersion: 0\n")
    lines = "".join(f"{name} = {module}\n" for name, module in points.items())
    (metadata / "entry_points.txt").write_text(f"[pytest11]\n{lines}")
    for folder in (ROOT / "workflow", metadata.parent):
        pytester.syspathinsert(folder)
    monkeypatch.setenv("PYTHONPATH", f"{metadata.parent}:{ROOT / 'workflow'}")
    return pytester


def session(pytester: pytest.Pytester, *tests: str) -> None:
    """Write a file of tests, each of which is the body of a function with the fixture."""
    bodies = [f"def test_{number}(assert_deterministic):\n    {body}\n" for number, body in enumerate(tests)]
    pytester.makepyfile("\n\n".join([FUNCTIONS, *bodies]))


def test_the_entry_point_adds_the_option_and_the_fixtures(installed):
    found = installed.runpytest_inprocess("--help")
    found.stdout.fnmatch_lines(["noisegrid:", "*--noisegrid-deep*", "*noisegrid_deep (bool):*"])
    found = installed.runpytest_inprocess("--fixtures")
    found.stdout.fnmatch_lines([f"{name} -- *" for name in ("assert_deterministic", "assert_same_run", "noise_floor")])


def test_equal_runs_pass_and_a_failure_is_the_sentence_of_diverge(installed):
    session(
        installed,
        "assert_deterministic(seeded, fresh_process=False)",
        "assert_deterministic(unseeded, fresh_process=False)",
        "imported(unseeded, runs=3, fresh_process=False)",
    )
    found = installed.runpytest_inprocess()
    found.assert_outcomes(passed=1, failed=2)
    expected = [
        "E *AssertionError: step 0, forward of `Dropout`: `bernoulli_` drew other random numbers*",
        "E *cause * forward * Dropout * bernoulli_.float * random numbers*",
        "E * test_*:unseeded, run 1 against run 2, in one process",
    ]
    found.stdout.fnmatch_lines([*expected, *expected])
    found.stdout.no_fnmatch_line("*noisegrid/testing*")


def test_a_fresh_process_shows_what_one_process_hides(installed):
    session(
        installed,
        "assert_deterministic(of_the_process, fresh_process=False)",
        "assert_deterministic(of_the_process)",
    )
    found = installed.runpytest_inprocess()
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(
        [
            "E *AssertionError: the operations are equal, but what was returned differs; `process`: * against *",
            "E * test_*:of_the_process, run 1 against run 2, each in a fresh process",
        ]
    )


def test_the_option_adds_fresh_processes_and_other_numbers_of_threads(installed):
    session(
        installed,
        "assert_deterministic(of_the_process, fresh_process=False)",
        "assert_deterministic(lambda: of_the_threads(), fresh_process=False)",
        "assert_deterministic(lambda: seeded(), fresh_process=False)",
        "assert_deterministic(of_the_process, fresh_process=False, deep=False)",
    )
    installed.runpytest_inprocess().assert_outcomes(passed=4)
    found = installed.runpytest_inprocess("--noisegrid-deep")
    found.assert_outcomes(passed=2, failed=2)
    found.stdout.fnmatch_lines(
        [
            "E * test_*:of_the_process, run 1 against run 2, each in a fresh process",
            "E *AssertionError: step 0, forward: `mul` has other arguments (1 against 2); threads 1 against threads 2",
            "E *, 1 thread against 2 threads, in one process",
        ]
    )


def test_an_error_of_the_function_is_shown_without_frames_of_the_plugin(installed):
    session(
        installed,
        "assert_deterministic(lambda: 1 / 0, fresh_process=False)",
        "assert_deterministic(lambda: 1)",
        "assert_deterministic(lambda state: 1 / 0, fresh_process=False)",
    )
    found = installed.runpytest_inprocess()
    found.assert_outcomes(failed=3)
    found.stdout.fnmatch_lines(
        ["E *ZeroDivisionError: division by zero", "E *UsageError: a fresh process cannot import *"]
    )
    found.stdout.no_fnmatch_line("*workflow/noisegrid*")


def test_the_key_of_the_configuration_is_the_option(installed):
    session(installed, "assert_deterministic(lambda: of_the_threads(), fresh_process=False)")
    installed.makeini("[pytest]\nnoisegrid_deep = true")
    installed.runpytest_inprocess().assert_outcomes(failed=1)


def test_sessions_of_xdist_and_folders_that_are_in_no_path(installed):
    folder = installed.mkdir("checks")
    test = "def test_it(assert_deterministic):\n    assert_deterministic(of_the_process)\n"
    (folder / "test_own.py").write_text(f"{FUNCTIONS}\n{test}")
    found = installed.runpytest_subprocess("-n", "1", "--import-mode", "importlib", "checks")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["E *test_own:of_the_process, run 1 against run 2, each in a fresh process"])


def test_without_pytorch_tests_that_need_it_are_skipped_in_one_sentence(installed):
    installed.makeconftest("import sys\nsys.modules['torch'] = None")
    installed.makepyfile(
        """
        import sys
        import numpy as np
        import pytest
        from noisegrid.testing import assert_deterministic as imported

        def test_fixture(assert_deterministic):
            raise ValueError("the test runs")

        def test_imported():
            imported(lambda: 1)

        def test_pytorchs_file(assert_same_run, tmp_path):
            (tmp_path / "a.pt").touch()
            assert_same_run(tmp_path / "a.pt", tmp_path / "a.pt")

        def test_arrays(assert_same_run):
            assert_same_run({"a": np.ones(3)}, {"a": np.ones(3)})
            with pytest.raises(AssertionError, match="1 ULP in 1 of 3 values"):
                assert_same_run({"a": np.ones(3)}, {"a": np.array([1, 1, np.nextafter(1, 2)])})

        def test_floor(noise_floor):
            assert noise_floor([93.1, 93.4, 92.9]).smallest > 0

        def test_nothing_imports_it():
            assert sys.modules["torch"] is None
        """
    )
    found = installed.runpytest_subprocess("-rs")
    found.assert_outcomes(passed=3, skipped=3)
    remedy = "needs PyTorch, which is not installed here; install it with: pip install 'noisegrid[train]'"
    said = [line for line in found.outlines if line.startswith("SKIPPED")]
    assert len(said) == 3
    assert sum(line.endswith(f": assert_deterministic {remedy}") for line in said) == 2
    assert sum(line.endswith(f": assert_same_run on a.pt {remedy}") for line in said) == 1
    assert all("test_without_pytorch" in line for line in said)  # the place is that of the user's test


@pytest.mark.slow
def test_the_page_shows_what_happens(installed, monkeypatch):
    monkeypatch.delitem(sys.modules, "test_training", raising=False)  # a test of this repository has the name, too
    page = (ROOT / "docs/pytest.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.S)[1]
    command, *shown = re.search(r"```text\n(.*?)\n```", page, re.S)[1].splitlines()
    installed.makepyfile(test_training=code)
    found = installed.runpytest_inprocess(*command.removeprefix("$ pytest ").split())
    found.assert_outcomes(failed=1)
    assert "\n".join(shown) in "\n".join(line.rstrip() for line in found.outlines)
    assert "set(" in code and "assert_deterministic(step)" in code
    once = code.replace("(step)", "(step, fresh_process=False)")
    installed.makepyfile(
        test_training=once, test_remedy=code.replace("set(", "sorted(set(").replace(".split()))}", ".split())))}")
    )
    installed.runpytest_inprocess().assert_outcomes(passed=2)
