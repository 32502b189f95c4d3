"""The learning rate of every step, against rates computed by hand."""

import inspect
import math

import pytest
import torch
from torch.optim import lr_scheduler

from noisegrid.common.schemas import catalog
from noisegrid.study.settings import Optimizer, Scheduler, Task
from noisegrid.training.schedules import LearningRate

#: What the catalog leaves out, and says why.
LEFT_OUT = {"LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler"}


def task(epochs: int, scheduler: Scheduler | None, warmup: int = 0, schedule: tuple = ()) -> Task:
    optimizer = Optimizer("sgd", 1.0, warmup_epochs=warmup)
    return Task("n", "d", epochs, 1, "b", {}, optimizer, schedule=schedule, scheduler=scheduler)


def rates(recipe: Task, steps: int, losses: dict[int, float] | None = None) -> list[float]:
    """Return the learning rate of each step of a run with so many steps in an epoch."""
    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), recipe.optimizer.learning_rate)
    learning_rate, found = LearningRate(optimizer, recipe, steps), []
    for epoch in range(recipe.epochs):
        learning_rate.begin_epoch(epoch)
        for _ in range(steps):
            optimizer.step()
            found.append(optimizer.param_groups[0]["lr"])
            learning_rate.after_step()
        learning_rate.after_epoch((losses or {}).get(epoch, 1.0))
    return found


def cosine(step: int, length: int) -> float:
    return (1 + math.cos(math.pi * step / length)) / 2


def test_the_catalog_has_pytorchs_schedulers_and_arguments():
    classes = {
        name: found
        for name in dir(lr_scheduler)
        if inspect.isclass(found := getattr(lr_scheduler, name)) and issubclass(found, lr_scheduler.LRScheduler)
    }
    assert set(catalog("schedulers")) == {name for name in classes if not name.endswith("LRScheduler")} - LEFT_OUT
    for name, entry in catalog("schedulers").items():
        known = set(inspect.signature(classes[name]).parameters)
        extra = {"optimizer", "last_epoch", "epochs", "steps_per_epoch", "scale_fn", "scale_mode"}
        assert set(entry["arguments"]) == known - extra, name


@pytest.mark.parametrize(
    ("recipe", "steps", "expected"),
    [
        (task(3, None, schedule=((0, 1.0), (2, 0.1))), 2, [1, 1, 1, 1, 0.1, 0.1]),
        (task(4, Scheduler("CosineAnnealingLR")), 2, [cosine(epoch, 4) for epoch in range(4) for _ in range(2)]),
        (task(2, Scheduler("CosineAnnealingLR", "step")), 3, [cosine(step, 6) for step in range(6)]),
        (task(4, Scheduler("CosineAnnealingLR"), warmup=1), 1, [0.5, cosine(0, 3), cosine(1, 3), cosine(2, 3)]),
        (
            task(3, Scheduler("CosineAnnealingLR", "step"), warmup=1),
            2,
            [1 / 3, 2 / 3, *(cosine(step, 4) for step in range(4))],
        ),
        (task(3, Scheduler("StepLR", options={"step_size": 1, "gamma": 0.5})), 2, [1, 1, 0.5, 0.5, 0.25, 0.25]),
        (task(2, Scheduler("PolynomialLR", "step")), 2, [1, 0.75, 0.5, 0.25]),
        (task(3, Scheduler("MultiStepLR", options={"milestones": [2], "gamma": 0.1})), 1, [1, 1, 0.1]),
    ],
)
def test_rates_computed_by_hand(recipe, steps, expected):
    assert rates(recipe, steps) == pytest.approx(expected)


def test_one_cycle_runs_over_all_steps():
    found = rates(task(2, Scheduler("OneCycleLR", options={"max_lr": 2.0, "cycle_momentum": False})), 10)
    assert max(found) == pytest.approx(2.0) and found[0] == pytest.approx(2 / 25) and found[-1] == pytest.approx(8e-6)


def test_a_plateau_is_one_of_the_training_loss():
    recipe = task(4, Scheduler("ReduceLROnPlateau", options={"patience": 0, "factor": 0.5}))
    assert rates(recipe, 1, {0: 3.0, 1: 2.0, 2: 2.5, 3: 2.5}) == [1, 1, 1, 0.5]
    assert rates(recipe, 1, {0: 3.0, 1: 2.0, 2: 1.0, 3: 0.5}) == [1, 1, 1, 1]
