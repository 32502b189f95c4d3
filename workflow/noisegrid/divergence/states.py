"""What a training step starts from: weights, buffers, optimiser, settings, batch and random states, as hashes."""

import random
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from noisegrid.common.files import short_digest
from noisegrid.divergence.trace import INDEX, State
from noisegrid.divergence.tracer import hashes_of, sample_values

#: The number of values of each weight that a trace keeps for every step.
SAMPLE = 16


def state_of(
    network: nn.Module | None,
    optimizers: Iterable[torch.optim.Optimizer],
    batch: Sequence[Tensor] = (),
    examples: Sequence[int] | None = None,
) -> State:
    """Return the state before a step.

    Parameters
    ----------
    network : nn.Module or None
        The network; None if it is not known.
    optimizers : iterable of Optimizer
        The optimisers.
    batch : sequence of Tensor
        The tensors of the batch, inputs first, then labels.
    examples : sequence of int, optional
        The index of each example of the batch, if it is known.
    """
    weights: dict[str, Tensor] = dict(network.named_parameters()) if network is not None else {}
    buffers = dict(network.named_buffers()) if network is not None else {}
    moments, settings = _optimiser(optimizers, {id(tensor): name for name, tensor in weights.items()})
    names = ["inputs", *(["labels"] if len(batch) == 2 else [f"labels {i}" for i in range(1, len(batch))])]
    parts: dict[str, dict[str, Tensor]] = {
        "weights": weights,
        "buffers": buffers,
        "optimiser": moments,
        "batch": dict(zip(names, batch, strict=False)),
        "random": _torch_generators(),
    }
    found = iter(hashes_of([tensor for members in parts.values() for tensor in members.values()]))
    hashed = {part: {name: next(found) for name in members} for part, members in parts.items()}
    hashed["random"] |= {"python": short_digest(repr(random.getstate())), "numpy": short_digest(_numpy_generator())}
    samples = {name: sample_values(tensor, SAMPLE).double().tolist() for name, tensor in weights.items()}
    if examples is None:
        identified = hashes_of(list(batch[0])) if batch and batch[0].dim() else []
    else:
        identified = [f"{INDEX}{example}" for example in examples]
    return State({"settings": settings} | hashed, samples, tuple(identified))


def _optimiser(
    optimizers: Iterable[torch.optim.Optimizer], names: dict[int, str]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of optimisers by name, and their settings, such as the learning rate, as text by name."""
    tensors, settings = dict[str, Tensor](), dict[str, str]()
    for number, optimizer in enumerate(optimizers):
        start = f"optimiser {number}: " if number else ""
        for index, group in enumerate(optimizer.param_groups):
            plain = {key: value for key, value in group.items() if key != "params"}
            settings |= {f"{start}{key}{f' of group {index}' if index else ''}": repr(plain[key]) for key in plain}
        for place, (parameter, state) in enumerate(optimizer.state.items()):
            name = names.get(id(parameter), f"parameter {place}")
            tensors |= {f"{start}{key} of {name}": value for key, value in state.items() if isinstance(value, Tensor)}
    return tensors, settings


def _torch_generators() -> dict[str, Tensor]:
    found = {"torch": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        found["cuda"] = torch.cuda.get_rng_state()
    return found


def _numpy_generator() -> str:
    """Return the state of NumPy's global generator as text."""
    state = np.random.get_state(legacy=False)  # noqa: NPY002
    return repr({**state["state"], "key": state["state"]["key"].tolist()} | {"gauss": state["gauss"]})
