"""The learning rate of a run: the steps of a recipe's `schedule`, or one of PyTorch's schedulers."""

import warnings
from typing import Any

from torch.optim import Optimizer, lr_scheduler

from noisegrid.common.schemas import catalog
from noisegrid.study.settings import Task


class LearningRate:
    """The learning rate of every step of a run.

    Parameters
    ----------
    optimizer : Optimizer
        The optimiser whose learning rate is set.
    task : Task
        The recipe.
    steps : int
        The number of steps of an epoch.
    """

    def __init__(self, optimizer: Optimizer, task: Task, steps: int) -> None:
        self.optimizer, self.task = optimizer, task
        self.scheduler: Any = None if task.scheduler is None else _scheduler_of(optimizer, task, steps)
        self.each_step = task.scheduler is not None and _each(task) == "step"

    def begin_epoch(self, epoch: int) -> float:
        """Set the rate of an epoch, unless a scheduler does, and return the rate of its first step."""
        if self.scheduler is None:
            return set_learning_rate(self.optimizer, self.task, epoch)
        return float(self.optimizer.param_groups[0]["lr"])

    def after_step(self) -> None:
        """Move on by a step."""
        if self.each_step:
            self._move_on()

    def after_epoch(self, loss: float) -> None:
        """Move on by an epoch, which had the given mean training loss."""
        if isinstance(self.scheduler, lr_scheduler.ReduceLROnPlateau):
            self._move_on(loss)
        elif self.scheduler is not None and not self.each_step:
            self._move_on()

    def _move_on(self, *values: float) -> None:
        with warnings.catch_warnings():
            # the optimiser of a resumed run has taken its steps in another process, and SequentialLR passes `epoch`
            warnings.simplefilter("ignore", UserWarning)
            self.scheduler.step(*values)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the scheduler; empty without one."""
        return {} if self.scheduler is None else self.scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the scheduler. The rate itself is part of the optimiser's state."""
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state)


def set_learning_rate(optimizer: Optimizer, task: Task, epoch: int) -> float:
    """Set and return the learning rate of an epoch by the recipe's `schedule`.

    The rate rises linearly during the warm-up epochs. After the warm-up, the base rate is multiplied by the factor of
    the last schedule entry whose start epoch has been reached.
    """
    warmup = task.optimizer.warmup_epochs
    factor = next((f for start, f in reversed(task.schedule) if epoch >= start), 1.0)
    if epoch < warmup:
        factor = (epoch + 1) / (warmup + 1)
    rate = float(task.optimizer.learning_rate * factor)
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


def _each(task: Task) -> str:
    assert task.scheduler is not None
    return task.scheduler.each or str(catalog("schedulers")[task.scheduler.name]["each"])


def _scheduler_of(optimizer: Optimizer, task: Task, steps: int) -> Any:
    """Return the scheduler of a recipe, after a linear warm-up if the recipe has one."""
    assert task.scheduler is not None
    entry, unit = catalog("schedulers")[task.scheduler.name], steps if _each(task) == "step" else 1
    warmup, whole = task.optimizer.warmup_epochs * unit, task.epochs * unit
    options = dict(task.scheduler.options)
    if "length" in entry:
        options.setdefault(entry["length"], max(1, whole - warmup))
    main = getattr(lr_scheduler, task.scheduler.name)(optimizer, **options)
    if not warmup:
        return main
    rising = lr_scheduler.LinearLR(optimizer, 1 / (warmup + 1), total_iters=warmup)
    return lr_scheduler.SequentialLR(optimizer, [rising, main], [warmup])
