"""Where two runs differ, from traces made by hand."""

from noisegrid.divergence.trace import Operation, State, Trace, Value
from noisegrid.testing.outcome import difference
from noisegrid.testing.run import Run
from noisegrid.testing.values import entries


def run(weights: str, batches: str, outputs: str, returned: object = None, left_out: int = 0) -> Run:
    """Return a run; a letter of each text stands for the bits of one step (of the weights, one more at the end)."""
    states = [
        State(
            {"weights": {"w": weight}, "batch": {"inputs": batch} if batch else {}}, examples=(batch,) if batch else ()
        )
        for weight, batch in zip(weights, [*batches, ""], strict=True)
    ]
    traces = []
    for step, output in enumerate(outputs):
        value = Value((), "int64", output)
        operation = Operation("mul.Tensor", "layer", "forward", "", (), (value,))
        traces.append(Trace({}, tuple(states), step, (operation,), left_out))
    return Run(tuple(traces), entries(returned, "it"))


BASE = run("aaa", "xy", "oo")


def test_equal_runs_do_not_differ():
    assert difference(BASE, run("aaa", "xy", "oo")) == ""


def test_the_operation_that_made_other_weights_is_named():
    assert difference(BASE, run("aab", "xy", "op")).startswith("step 1, forward of `layer`: `mul` gave another output")


def test_an_operation_without_consequences_is_named():
    assert difference(BASE, run("aaa", "xy", "op")).startswith("step 1, forward of `layer`: `mul` gave another output")


def test_weights_that_no_operation_changed():
    found = difference(BASE, run("abb", "xy", "oo"))
    assert found.startswith(
        "from step 1 on, the weights differ (w), but all operations of step 0 are equal: it was some"
    )


def test_weights_that_differ_before_the_first_step():
    assert difference(BASE, run("bbb", "xy", "pp")) == "before the first step, the weights differ (w)"


def test_another_batch_is_no_matter_of_the_operations_before_it():
    assert difference(BASE, run("aaa", "xz", "oo")).startswith("from step 1 on, the batches differ: ")
    assert "operations" not in difference(BASE, run("aaa", "xz", "op"))


def test_an_operation_before_another_batch_is_the_cause():
    assert difference(BASE, run("aaa", "xz", "po")).startswith("step 0, forward of `layer`")


def test_operations_that_were_not_kept_are_not_called_equal():
    a, b = (run("aa", "x", "o", returned, left_out=5) for returned in (1, 2))
    expected = "the first 1 operations are equal, but what was returned differs; the result: 1 against 2"
    assert difference(a, b) == expected
    a, b = (run(weights, "x", "o", left_out=5) for weights in ("aa", "ab"))
    assert difference(a, b).endswith("\n5 operations at the end of step 0 were not kept (--operations)")
