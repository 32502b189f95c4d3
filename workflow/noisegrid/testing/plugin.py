"""The plugin that pytest loads: the option `--noisegrid-deep`, and a fixture for each assertion.

Every session of pytest imports this module, so it imports neither NumPy nor PyTorch.
"""

from collections.abc import Callable
from typing import Any

import pytest

from noisegrid import testing

#: The option, and the key of pytest's configuration file with the same meaning.
OPTION, KEY = "--noisegrid-deep", "noisegrid_deep"
#: Why a test that needs PyTorch is skipped where there is none.
NO_TORCH = "{} needs PyTorch, which is not installed here; install it with: pip install 'noisegrid[train]'"

#: The sessions that run in this process, the innermost last: a session can run another one (pytester).
_sessions: list[pytest.Config] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the key."""
    what = "assert_deterministic also runs in fresh processes, and with one and two threads"
    parser.getgroup("noisegrid").addoption(OPTION, action="store_true", help=what)
    parser.addini(KEY, what, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Note that a session begins."""
    _sessions.append(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Note that a session ends."""
    if config in _sessions:  # the hook of another plugin may have failed before that of this one was called
        _sessions.remove(config)


def is_deep() -> bool:
    """Return whether the session that runs was started with the option, or has the key."""
    return bool(_sessions) and bool(_sessions[-1].getoption(OPTION) or _sessions[-1].getini(KEY))


def skip_without_torch(name: str) -> None:
    """Skip the test that runs if PyTorch is not installed; `name` is the function that needs it."""
    __tracebackhide__ = True
    pytest.importorskip("torch", reason=NO_TORCH.format(name))


@pytest.fixture
def assert_deterministic() -> Callable[..., None]:
    """Assert that a function gives the same bits each time: assert_deterministic(step, runs=2, fresh_process=True)."""
    __tracebackhide__ = True
    skip_without_torch("assert_deterministic")
    return testing.assert_deterministic


@pytest.fixture
def assert_same_run() -> Callable[..., None]:
    """Assert that two runs are equal to the bit: assert_same_run(a, b), of records, traces, files or weights."""
    return testing.assert_same_run


@pytest.fixture
def noise_floor() -> Callable[..., Any]:
    """Measure how much runs differ: `gain > noise_floor(results).smallest` says whether a gain is larger."""
    return testing.noise_floor
