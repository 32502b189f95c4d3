"""One training step: parts of a batch give the gradient of the whole, and a long gradient is scaled."""

import pytest
import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.study.settings import Average
from noisegrid.training.averages import AveragedWeights
from noisegrid.training.losses import tensor_of
from noisegrid.training.step import training_step

INPUTS = torch.linspace(-1, 1, 12, dtype=torch.float32).reshape(6, 2)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def stepped(rate: float = 1.0, network: nn.Module | None = None, **options: object) -> tuple[torch.Tensor, float]:
    """Return by how much one step of SGD moved the weights of a linear network, and its loss."""
    torch.manual_seed(0)
    network = network or nn.Linear(2, 3)
    before = torch.cat([parameter.detach().flatten().clone() for parameter in network.parameters()])
    optimizer = torch.optim.SGD(network.parameters(), rate)
    loss = training_step(network, optimizer, GradScaler("cpu", enabled=False), INPUTS, LABELS, "fp32", **options)
    after = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
    return before - after, float(loss)


@pytest.mark.parametrize("parts", [2, 3, 6, 4])  # four parts of six examples have 2, 2 and 2
def test_parts_have_the_gradient_and_the_loss_of_the_whole(parts):
    whole, loss = stepped()
    moved, its_loss = stepped(parts=parts)
    assert torch.allclose(moved, whole, atol=1e-7) and its_loss == pytest.approx(loss)


def test_parts_of_unequal_size_are_weighted():
    """Five examples in two parts, of 3 and 2: the mean of the two means would be another gradient."""
    torch.manual_seed(0)
    network = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(network.parameters(), 1.0)
    scaler = GradScaler("cpu", enabled=False)
    loss = training_step(network, optimizer, scaler, INPUTS[:5], LABELS[:5], "fp32", parts=2)
    gradient = network.weight.grad.clone()
    torch.manual_seed(0)
    again = nn.Linear(2, 3)
    expected = nn.functional.cross_entropy(again(INPUTS[:5]), LABELS[:5])
    expected.backward()
    assert torch.allclose(gradient, again.weight.grad, atol=1e-7) and float(loss) == pytest.approx(
        float(expected.detach())
    )
    halves = [nn.functional.cross_entropy(again(INPUTS[part]), LABELS[part]) for part in (slice(3), slice(3, 5))]
    assert float(sum(halves).detach() / 2) != pytest.approx(float(expected.detach()), rel=1e-4)


def test_a_long_gradient_is_scaled_to_the_norm():
    whole, _ = stepped()
    norm = float(whole.norm())
    clipped, _ = stepped(clip_norm=norm / 2)
    assert float(clipped.norm()) == pytest.approx(norm / 2, rel=1e-4)
    assert torch.allclose(clipped / clipped.norm(), whole / norm, atol=1e-6)
    assert torch.equal(stepped(clip_norm=2 * norm)[0], whole)


def test_the_output_is_a_tensor_or_has_one():
    class Answer:
        logits = INPUTS

    for output in (INPUTS, Answer(), {"logits": INPUTS}, (INPUTS, None), [INPUTS]):
        assert tensor_of(output) is INPUTS
    for output in ({"scores": INPUTS}, (), (None, INPUTS), "text", None):
        with pytest.raises(NoisegridError, match="return a tensor, an object with `logits`, or a tuple"):
            tensor_of(output)


def test_every_loss_of_the_catalog_takes_its_arguments():
    import inspect

    for name, entry in catalog("losses").items():
        parameters = set(inspect.signature(getattr(nn, name)).parameters)
        assert set(entry["arguments"]) <= parameters, name


def averaged(average: Average | None, weights: list[float], steps: int) -> list[float]:
    """Return the evaluated weight after each epoch, if a network with one weight has the given weight in each step."""
    from types import SimpleNamespace

    network = nn.Linear(1, 1, bias=False)
    epochs = len(weights) // steps
    kept, found = AveragedWeights(network, SimpleNamespace(average=average, epochs=epochs)), []
    for step, weight in enumerate(weights, 1):
        with torch.no_grad():
            network.weight.fill_(weight)
        kept.after_step()
        if step % steps == 0:
            kept.after_epoch(step // steps - 1)
            found.append(float(kept.evaluated.weight.detach()))
    return found


def test_averages_computed_by_hand():
    weights = [0.0, 1.0, 1.0, 3.0, 5.0, 9.0]
    assert averaged(None, weights, 2) == [1.0, 3.0, 9.0]
    # the first weights are taken as they are; then average = decay * average + (1 - decay) * weight
    assert averaged(Average(decay=0.5), weights, 2) == [0.5, 1.875, 6.21875]
    assert averaged(Average(last_epochs=2), weights, 2) == [1.0, 3.0, 6.0]
    assert averaged(Average(last_epochs=9), weights, 2) == [1.0, 2.0, pytest.approx(13 / 3)]
