"""What the tracer sees: writes in place, memory without values, collectives, and memory that runs out."""

import pytest
import torch
from torch import distributed
from torch.distributed import _functional_collectives

from noisegrid.divergence import trace, tracer
from noisegrid.training.places import Places


def operations(function):
    with tracer.traced(Places()) as recorder:
        function()
    return recorder.operations(), recorder.left_out


def names(found):
    return [one.name.split(".")[0] for one in found]


def test_a_write_in_place_is_an_output_and_its_old_value_an_input():
    tensor = torch.ones(4)
    (found,), _ = operations(lambda: tensor.add_(1))
    before, after = (tracer.hashes_of([torch.full((4,), value)])[0] for value in (1.0, 2.0))
    assert ([one.hash for one in found.inputs], [one.hash for one in found.outputs]) == ([before], [after])


def test_the_memory_of_out_is_no_input():
    (*_, found), _ = operations(lambda: torch.exp(torch.ones(()).expand(2), out=torch.tensor([7.0, 8.0])))
    assert (len(found.inputs), len(found.outputs)) == (1, 1)


@pytest.mark.parametrize(
    "function",
    [
        lambda: torch.fft.fft(torch.ones(8)).conj().abs(),
        lambda: torch.ones(4).to(torch.float8_e4m3fn).float(),
        lambda: torch.ones(3) > 0,
        lambda: torch.ones(3).to_sparse() * 2,
        lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
        lambda: torch.zeros(0).sum(),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]) * 2,
    ],
    ids=["complex", "float8", "bool", "sparse", "quantized", "empty", "nested"],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors_of_every_kind_are_written_and_read(tmp_path, function):
    found = trace.Trace({}, (), 0, operations(function)[0])
    trace.write(tmp_path / "x.trace", found)
    assert trace.read(tmp_path / "x.trace") == found


def test_views_are_no_operations():
    assert names(operations(lambda: torch.ones(4).view(2, 2).t()[0])[0]) == ["ones"]


def test_memory_without_values_does_not_look_like_a_difference():
    first, second = (operations(lambda: torch.empty(1000).bernoulli_(0.0))[0] for _ in range(2))
    assert first == second


@pytest.fixture
def group(tmp_path):
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield distributed.group.WORLD
    distributed.destroy_process_group()


def test_a_collective_is_hashed_after_its_wait(group):
    def reduced():
        collective = torch.ops._c10d_functional
        return collective.wait_tensor(collective.all_reduce(torch.ones(3), "sum", group.group_name)) + 1

    found, _ = operations(reduced)
    assert names(found) == ["ones", "wait_tensor", "add"]
    assert found[1].outputs[0].hash == found[0].outputs[0].hash  # one process: the sum is what it was


def test_a_tensor_that_waits_by_itself_is_hashed_after_its_wait(group):
    found, _ = operations(lambda: _functional_collectives.all_reduce(torch.ones(3), "sum", group) + 1)
    assert names(found) == ["ones", "add"]
    assert found[1].inputs[0].hash == found[0].outputs[0].hash


def test_memory_that_runs_out_ends_the_trace_and_not_the_run(monkeypatch):
    real = tracer.tensor_hash

    def full(tensor):
        if tensor.numel() == 9:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(tensor)

    monkeypatch.setattr(tracer, "tensor_hash", full)
    found, left_out = operations(lambda: torch.ones(3).outer(torch.ones(3)).exp().sum())
    assert names(found) == ["ones", "ones"]
    assert left_out == 3
