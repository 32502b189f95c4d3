"""Random examples of a given form, to try a network and to count what its step needs."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from noisegrid.data.form import ATTRIBUTES, IMAGES, TABLE, TOKENS, VALUES, Form
from noisegrid.study.settings import Task
from noisegrid.training.augmentation import to_inputs


def random_examples(form: Form, task: Task, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return random inputs of a network and their labels; the classes are the first, the last, and so on.

    Parameters
    ----------
    form : Form
        The form of the dataset.
    task : Task
        The recipe, which decides the pixels, the crop and the context.
    count : int
        The number of examples.
    device : torch.device
        The device of the result.
    """
    if form.kind == TOKENS:
        windows = torch.randint(form.outputs, (count, (task.context or 1) + 1), device=device)
        return windows[:, :-1], windows[:, 1:]
    return _inputs(form, task, count, device), _labels(form, count, device)


def _inputs(form: Form, task: Task, count: int, device: torch.device) -> Tensor:
    if form.kind == IMAGES:
        channels, *edges = form.shape
        edges = [task.augment.resized_crop] * 2 if task.augment.resized_crop else edges
        return to_inputs(
            torch.rand(count, channels, *edges, device=device) * form.full_scale, task.pixels, form.full_scale
        )
    if form.kind == TABLE:
        columns = [
            torch.randint(categories, (count,), device=device).float()
            if categories
            else torch.randn(count, device=device)
            for categories in form.columns
        ]
        return torch.stack(columns, dim=1)
    return torch.randn(count, *form.shape, device=device)


def _labels(form: Form, count: int, device: torch.device) -> Tensor:
    if form.labels == VALUES:
        return torch.randn(count, form.outputs, device=device)
    classes = torch.arange(count, device=device) % 2 * (form.outputs - 1)
    return one_hot(classes, form.outputs).float() if form.labels == ATTRIBUTES else classes
