"""What the process of one condition does: evaluate all examples, then trace one example whose logits changed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from noisegrid.common.errors import NoisegridError, first_line
from noisegrid.divergence.trace import Operation
from noisegrid.invariance.conditions import Condition
from noisegrid.invariance.measure import Logits, changed
from noisegrid.invariance.rows import example_operations
from noisegrid.invariance.subjects import Subject, load
from noisegrid.runtime import machine
from noisegrid.training import noise
from noisegrid.training.bits import integers
from noisegrid.training.convolutions import convolutions_of
from noisegrid.training.step import autocast


@dataclass(frozen=True)
class Answer:
    """What a condition gave.

    Attributes
    ----------
    logits : Logits
        The outputs of all examples.
    operations : dict
        For each example that was traced, its operations.
    """

    logits: Logits
    operations: dict[int, tuple[Operation, ...]]


def answer(
    subject: Subject, path: Path, condition: Condition, reference: Logits | None, examples: Sequence[int] = ()
) -> Answer:
    """Evaluate all examples under a condition. Call this in a process of its own.

    Parameters
    ----------
    subject : Subject
        What is evaluated.
    path : Path
        The file that `subjects.prepare` wrote.
    condition : Condition
        The condition.
    reference : Logits, optional
        The outputs under the reference. The first example whose logits differ from it is traced.
    examples : sequence of int
        Further examples to trace.
    """
    noise.apply_flags(condition.flags)
    machine.keep_freed_memory()
    with _in_one_sentence(subject, condition), convolutions_of(condition.flags), torch.no_grad():
        network, inputs = load(subject, path)
        evaluation = _Evaluation(network, inputs, condition)
        logits = evaluation.all()
        if reference is not None:
            examples = [*examples, *np.flatnonzero(changed(reference, logits))[:1].tolist()]
        return Answer(logits, {example: evaluation.traced(example, logits) for example in examples})


class _Evaluation:
    """A network in inference, with the examples in batches."""

    def __init__(self, network: nn.Module, inputs: Tensor, condition: Condition) -> None:
        layout = getattr(torch, condition.flags["memory_format"])
        self.network = network.to(memory_format=layout)  # type: ignore[call-overload]
        self.inputs, self.layout = inputs, layout if inputs.ndim == 4 else torch.contiguous_format
        self.precision = condition.flags["precision"]
        self.buffers = [
            (module, name, buffer, buffer.clone())
            for module in network.modules()
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]
        self.batches = condition.batches(len(inputs))

    def all(self) -> Logits:
        """Return the outputs of all examples, in stored order."""
        outputs = torch.cat([self._outputs(self._batch(indices)) for indices in self.batches])
        order = torch.from_numpy(np.argsort(np.concatenate(self.batches)))
        return _logits(outputs[order])

    def traced(self, example: int, logits: Logits) -> tuple[Operation, ...]:
        """Return the operations of one example. Its batch is evaluated again, and must have the same outputs.

        Raises
        ------
        NoisegridError
            If it has not.
        """
        indices = next(indices for indices in self.batches if example in indices)
        batch, place = self._batch(indices), int(np.flatnonzero(indices == example)[0])
        found = example_operations(self._outputs, self.network, batch, place)
        if not np.array_equal(_logits(self._outputs(batch)).bits, logits.bits[indices]):
            raise NoisegridError(DOES_NOT_REPEAT)
        return found

    def _batch(self, indices: np.ndarray) -> Tensor:
        return self.inputs[torch.from_numpy(indices)].contiguous(memory_format=self.layout)

    def _outputs(self, batch: Tensor) -> Tensor:
        """Evaluate one batch. Buffers and random state are those of the start, so no batch depends on earlier ones."""
        noise.seed_global(0)
        for module, name, buffer, start in self.buffers:  # a network may also put another tensor there
            module._buffers[name] = buffer.copy_(start)
        with autocast(batch.device, self.precision):
            return _tensor_of(self.network(batch), len(batch))


#: What is said if the same evaluation has other outputs when it is repeated.
DOES_NOT_REPEAT = (
    "the same evaluation, repeated, has other outputs, so no condition can be blamed; seed or remove what is random in "
    "the network"
)


def _tensor_of(outputs: Any, count: int) -> Tensor:
    """Return the logits among the outputs of a network: `logits`, or the first tensor."""
    found = outputs.get("logits", outputs) if isinstance(outputs, Mapping) else getattr(outputs, "logits", outputs)
    tensor = next((leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)), None)
    if tensor is None or not tensor.is_floating_point() or tensor.ndim < 1 or len(tensor) != count:
        words = "no tensor" if tensor is None else f"a tensor of {tensor.dtype} and shape {tuple(tensor.shape)}"
        raise NoisegridError(
            f"it returned {words} for {count} examples; return logits, a floating-point tensor with a row for each"
        )
    return tensor


def _logits(outputs: Tensor) -> Logits:
    name = str(outputs.dtype).removeprefix("torch.")
    return Logits(integers(outputs.contiguous()).numpy(), name)


@contextmanager
def _in_one_sentence(subject: Subject, condition: Condition) -> Iterator[None]:
    """Turn an exception of a network into one sentence."""
    where = f"{subject.name}, {condition.words}"
    try:
        yield
    except NoisegridError as error:
        raise NoisegridError(f"{where}: {error}") from error
    except Exception as error:
        raise NoisegridError(f"{where}: {type(error).__name__}: {first_line(error)}; correct it") from error
