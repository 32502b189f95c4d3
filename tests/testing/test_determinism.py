"""What assert_deterministic finds, and what it refuses. Fresh processes are in test_plugin."""

import functools
import itertools
import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.testing import assert_deterministic
from noisegrid.testing.fresh import run_fresh

here = functools.partial(assert_deterministic, fresh_process=False)


def trained(change):
    """Return a step of a user; `change(step, run)` returns what the inputs are multiplied with in the network."""
    runs = itertools.count()

    def step(state):
        if state is None:
            torch.manual_seed(0)
            network = nn.Sequential(nn.Linear(3, 2))
            optimizer = torch.optim.SGD(network.parameters(), 0.1)
            return {"network": network, "optimizer": optimizer, "batch": torch.ones(4, 3), "n": 0, "run": next(runs)}
        state["optimizer"].zero_grad()
        state["network"](state["batch"] * change(state["n"], state["run"])).sum().backward()
        state["optimizer"].step()
        return state | {"n": state["n"] + 1}

    return step


def test_equal_runs_pass():
    here(trained(lambda step, run: 1.0), runs=3, steps=2)


@pytest.mark.parametrize("step", [0, 1, 2])
def test_the_step_and_the_operation_are_named(step):
    with pytest.raises(AssertionError) as error:
        here(trained(lambda now, run: 1.0 + (run == 1 and now == step)))
    lines = str(error.value).splitlines()
    assert lines[0] == f"step {step}, forward: `mul` has other arguments (1.0 against 2.0)"
    assert lines[-1].endswith("trained.<locals>.step, run 1 against run 2, in one process, 3 steps")


def test_a_difference_after_the_last_step_is_not_looked_for():
    here(trained(lambda now, run: 1.0 + (run == 1 and now == 2)), steps=2)


def test_every_run_is_compared_with_the_first():
    step = trained(lambda now, run: 1.0 + (run == 3))
    here(step, runs=3)
    with pytest.raises(AssertionError, match="run 1 against run 4"):
        here(trained(lambda now, run: 1.0 + (run == 3)), runs=4)


def test_another_batch_is_named_at_the_step_that_gets_it():
    runs = itertools.count()

    def step(state):
        if state is None:
            torch.manual_seed(0)
            return {"network": nn.Linear(3, 2), "batch": torch.ones(2, 3), "n": 0, "run": next(runs)}
        batch = torch.tensor([[1.0, 1.0, 1.0 + (state["run"] == 1 and state["n"] == 1)]] * 2)
        state["network"](state["batch"])
        return state | {"batch": batch, "n": state["n"] + 1}

    with pytest.raises(AssertionError, match="from step 2 on, the batches differ: the same examples have other inputs"):
        here(step)


def test_other_weights_before_the_first_step_are_named():
    def step(state):
        if state is None:
            return {"network": nn.Linear(3, 2)}
        state["network"](torch.ones(2, 3))
        return None

    with pytest.raises(
        AssertionError, match=r"^before the first step, the weights differ \(weight, bias\)\n\(assert_.* sets no seed"
    ):
        here(step)


def test_the_first_operation_of_a_function_without_arguments_is_named():
    calls = itertools.count()

    def function():
        values = torch.arange(4.0)
        values = values * 2 if next(calls) else values * 2.5
        return values.sum()

    with pytest.raises(AssertionError, match=r"^step 0, forward: `mul` has other arguments \(2.5 against 2\)"):
        here(function)


def test_what_a_function_returns_is_compared_if_all_operations_are_equal():
    calls = itertools.count()
    with pytest.raises(
        AssertionError, match=r"^the operations are equal, but what was returned differs; the result: 0 against 1"
    ):
        here(lambda: next(calls))


def test_the_number_of_threads_is_compared_and_put_back():
    before = torch.get_num_threads()
    with pytest.raises(AssertionError, match=r"\(1 against 2\); threads 1 against threads 2\n"):
        here(lambda: torch.ones(2) * torch.get_num_threads(), deep=True)
    assert torch.get_num_threads() == before


def test_an_error_of_the_function_is_left_as_it_is():
    def failing():
        raise KeyError("no such column")

    with pytest.raises(KeyError, match="no such column"):
        here(failing)


def two(state, other):
    return state


@pytest.mark.parametrize(
    ("function", "arguments", "sentence"),
    [
        (two, {}, "two needs the arguments state, other; name a function that needs none"),
        (lambda *, seed: seed, {}, "needs the arguments seed; name a function that needs none"),
        (lambda: None, {}, "returned nothing that could be compared; return a module"),
        (lambda: {"a": [object()]}, {}, "has a value of type object at 'a.0', whose bits cannot be compared"),
        (lambda state: {}, {}, "returned no network; return a mapping with network"),
        (
            lambda: 1,
            {"fresh_process": True},
            "<lambda>; define it with def outside of any other function, or pass fresh_",
        ),
        (functools.partial(two, 1, 2), {"fresh_process": True}, "a fresh process cannot import"),
        (lambda: 1, {"runs": 1}, "runs is 1, but one run has nothing to be compared with; write 2 or more"),
        (lambda: 1, {"steps": 0}, "steps is 0, which is no number of steps"),
        ("steps:step", {}, "step is of type str; give a function"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(function, arguments, sentence):
    with pytest.raises(NoisegridError) as error:
        assert_deterministic(function, **{"fresh_process": False} | arguments)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_fresh_process_that_fails_says_where(tmp_path):
    """The module is in no folder of sys.path, and its error is shown from the user's first line on."""
    path = tmp_path / "failing.py"
    path.write_text("def function():\n    raise ValueError('no such column')\n")
    module = ModuleType("failing")
    module.__file__ = str(path)
    exec(path.read_text(), module.__dict__)
    sys.modules["failing"] = module
    try:
        with pytest.raises(NoisegridError) as error:
            run_fresh(module.function, 1)
    finally:
        del sys.modules["failing"]
    lines = str(error.value).splitlines()
    assert lines[0] == "failing:function failed in a fresh process: ValueError: no such column"
    assert lines[2:4] == ["Traceback (most recent call last):", f'  File "{path}", line 2, in function']
