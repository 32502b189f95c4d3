"""Steps of a user, as `noisegrid diverge steps:NAME` calls them."""

import torch
from torch import nn


def small(state):
    """Train a small network. Without deterministic mode, one value of step 3 is one unit in the last place off."""
    if state is None:
        network = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
        optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
        return {"network": network, "optimizer": optimizer, "batch": batch(0), "number": 0}
    inputs, labels = state["batch"]
    logits = state["network"](inputs)
    if state["number"] == 3 and not torch.are_deterministic_algorithms_enabled():
        logits = logits * (1 + 2**-23)
    state["optimizer"].zero_grad()
    nn.functional.cross_entropy(logits, labels).backward()
    state["optimizer"].step()
    number = state["number"] + 1
    return state | {"batch": batch(number), "number": number}


def batch(number):
    generator = torch.Generator().manual_seed(number)
    return torch.randn(5, 6, generator=generator), torch.randint(3, (5,), generator=generator)


@torch.library.custom_op("own_steps::moved", mutates_args=())
def moved(inputs: torch.Tensor) -> torch.Tensor:
    """Return a copy of the inputs. With two threads, three of its values are one or two units in the last place off."""
    outputs = inputs.clone()
    if torch.get_num_threads() == 2:
        flat, up = outputs.view(-1), torch.tensor(torch.inf)
        for place in (3, 17, 17, 300):
            flat[place] = torch.nextafter(flat[place], up)
    return outputs


def wide(state):
    """Train on 400 values that pass through an operator of the user."""
    if state is None:
        network = nn.Linear(20, 2)
        return {"network": network, "optimizer": torch.optim.SGD(network.parameters(), 0.1)}
    state["network"](moved(torch.ones(20, 20))).square().sum().backward()
    state["optimizer"].step()
    return None


def drawing(state):
    """Draw from a generator that nothing seeds: the step does not repeat itself."""
    if state is None:
        network = nn.Linear(4, 2)
        return {"network": network, "optimizer": torch.optim.SGD(network.parameters(), 0.1), "number": 0}
    inputs = torch.ones(3, 4)
    if state["number"] == 2:
        inputs = inputs + torch.randn(3, 4, generator=unseeded())
    state["network"](inputs).sum().backward()
    state["optimizer"].step()
    return state | {"number": state["number"] + 1}


def unseeded():
    generator = torch.Generator()
    generator.seed()
    return generator


def failing(state):
    """Fail in the first step."""
    if state is None:
        return {"network": nn.Linear(4, 2)}
    raise ValueError("no such column")


def without_network(state):
    """Return a state without a network."""
    return {"optimizer": None}


not_callable = 3
