"""The requirements of a task: least device memory, floating-point operations per epoch, and the size of its weights.

Memory and operations are counted on PyTorch's meta device, which computes and allocates nothing. A real run requires
more memory (kernel workspaces, fragmentation), so a device with less memory than the lower bound cannot train the task.
"""

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from noisegrid.common.schemas import catalog
from noisegrid.data.form import Form
from noisegrid.networks.build import build
from noisegrid.study.kinds import training_examples
from noisegrid.study.optimization import optimizer_class
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.settings import Task
from noisegrid.training.examples import random_examples


def training_bytes(task: Task, form: Form) -> int:
    """Compute a lower bound on the peak memory of one fp32 training step.

    Parameters
    ----------
    task : Task
        A task of the catalog.
    form : Form
        The form of the dataset.

    Returns
    -------
    int
        The lower bound in bytes.
    """
    network, inputs = _on_meta(task, form)
    copies = catalog("optimizers")[optimizer_class(task.optimizer.name)]["copies"]
    weights = sum(parameter.nbytes for parameter in network.parameters())
    return weights * (1 + copies) + _kept_for_backward(network, inputs)


def training_flop(task: Task, form: Form, examples: int) -> float:
    """Estimate the floating-point operations of one epoch as three times the operations of its forward passes.

    Parameters
    ----------
    task : Task
        A task of the catalog.
    form : Form
        The form of the dataset.
    examples : int
        Number of training examples.
    """
    network, inputs = _on_meta(task, form)
    with FlopCounterMode(display=False) as counter:
        network(inputs)
    return 3.0 * counter.get_total_flops() * examples / task.batch_size


def weights_bytes(task: Task, form: Form) -> int:
    """Return the bytes of a network's weights on disk: parameters and floating-point buffers, in fp32."""
    network, _ = _on_meta(task, form)
    tensors = [*network.parameters(), *(buffer for buffer in network.buffers() if buffer.is_floating_point())]
    return 4 * sum(tensor.numel() for tensor in tensors)


def _on_meta(task: Task, form: Form) -> tuple[torch.nn.Module, Tensor]:
    """Return the network of a task and one batch of inputs, both on the meta device, where they take no memory."""
    device = torch.device("meta")
    with device:
        network = build(task.build, **form.arguments(task.context), **task.options)
        return network, random_examples(form, task, task.batch_size, device)[0]


def _kept_for_backward(network: torch.nn.Module, inputs: Tensor) -> int:
    """Count the bytes that autograd keeps for the backward pass. Parameters do not count; shared memory counts once."""
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor  # keep a reference, so that no address is reused
        return tensor

    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(inputs).sum()
    del output
    return sum(tensor.untyped_storage().nbytes() for key, tensor in kept.items() if key not in own)


def catalog_task(name: str) -> Task:
    """Return a task of the catalog."""
    return Task.of(task_settings(resolve_tasks({}, "the catalog"), catalog("datasets"), name, "the catalog"))


def print_all() -> None:
    """Print memory_gb, tflop_per_epoch and weights_mb of every task, to be copied into workflow/catalog/tasks.yaml."""
    datasets = catalog("datasets")
    for name in catalog("tasks"):
        task = catalog_task(name)
        dataset = datasets[task.dataset]
        form = Form.of_entry(dataset)
        assert form is not None
        examples = training_examples({"context": task.context} if task.context else {}, dataset)
        assert examples is not None
        flop = training_flop(task, form, examples)
        numbers = f"{training_bytes(task, form) / 1e9:8.3f} GB {flop / 1e12:12.3g} TFLOP per epoch"
        print(f"{name:28s} {numbers} {weights_bytes(task, form) / 1e6:10.4g} MB of weights")
