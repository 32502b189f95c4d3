"""Optimisers by name: the catalog names PyTorch's classes and their arguments, and the implementation is stated."""

import inspect

import pytest
import torch
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.study.optimization import check_optimization
from noisegrid.study.settings import Optimizer
from noisegrid.training.optimizers import optimizer_of

#: What the catalog leaves out, and says why.
LEFT_OUT = {"LBFGS", "SparseAdam", "Muon"}
#: Arguments that choose an implementation, which optimizer_of states itself.
IMPLEMENTATION = {"params", "lr", "foreach", "fused", "capturable", "differentiable"}


def test_the_catalog_has_pytorchs_optimisers_and_arguments():
    classes = {
        name: found
        for name in dir(torch.optim)
        if inspect.isclass(found := getattr(torch.optim, name)) and issubclass(found, torch.optim.Optimizer)
    }
    assert set(catalog("optimizers")) == set(classes) - LEFT_OUT - {"Optimizer"}
    for name, entry in catalog("optimizers").items():
        arguments = set(inspect.signature(classes[name]).parameters) - IMPLEMENTATION
        # Adam's last argument makes it AdamW, which has a name of its own
        assert set(entry["arguments"]) == arguments - ({"decoupled_weight_decay"} if name == "Adam" else set()), name


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Optimizer("adam", 0.1, epsilon=1e-7), {"lr": 0.1, "eps": 1e-7, "betas": (0.9, 0.999), "fused": True}),
        (Optimizer("sgd", 0.1, momentum=0.9, options={"nesterov": True}), {"momentum": 0.9, "nesterov": True}),
        (Optimizer("AdamW", 0.1, options={"betas": [0.8, 0.9]}), {"weight_decay": 0.01, "betas": (0.8, 0.9)}),
        (Optimizer("adamw", 0.1, weight_decay=0.2), {"weight_decay": 0.2, "fused": True}),
        (Optimizer("RMSprop", 0.1), {"foreach": False, "eps": 1e-8}),
        (Optimizer("Adagrad", 0.1), {"fused": True, "eps": 1e-10}),
    ],
)
def test_settings_become_arguments(settings, expected):
    optimizer = optimizer_of(nn.Linear(2, 1), settings)
    assert type(optimizer).__name__.lower() == settings.name.lower()
    (group,) = optimizer.param_groups
    assert {key: group[key] for key in expected} == expected


def recipe(**changes: object) -> dict:
    return {"optimizer": {"name": "sgd", "learning_rate": 0.1}, "schedule": [], "batch_size": 12, "epochs": 3} | changes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, None),
        ({"optimizer": {"name": "AdamW", "learning_rate": 1, "epsilon": 1}, "accumulate": 4}, None),
        ({"scheduler": {"name": "CosineAnnealingLR", "options": {"eta_min": 0.1}}}, None),
        ({"loss": {"name": "HuberLoss", "options": {"delta": 2}}}, None),
        (
            {"optimizer": {"name": "adamx", "learning_rate": 1}},
            r"t\.optimizer: unknown optimizer 'adamx'; did you mean 'Adamax'\?",
        ),
        (
            {"optimizer": {"name": "adam", "learning_rate": 1, "momentum": 0.9}},
            r"t\.optimizer: adam has no momentum; remove it, or use an optimizer that has it: RMSprop, SGD",
        ),
        (
            {"optimizer": {"name": "adam", "learning_rate": 1, "options": {"beta": 1}}},
            r"t\.optimizer\.options: unknown option of adam 'beta'; did you mean 'betas'\?",
        ),
        (
            {"optimizer": {"name": "adam", "learning_rate": 1, "options": {"eps": 1}}},
            r"t\.optimizer\.options: unknown option of adam 'eps'",
        ),
        ({"scheduler": {"name": "CosineLR"}}, r"t\.scheduler: unknown scheduler 'CosineLR'"),
        ({"scheduler": {"name": "StepLR"}, "schedule": [[1, 0.1]]}, r"t\.scheduler: the recipe has a `schedule` too"),
        (
            {
                "scheduler": {"name": "OneCycleLR", "options": {"max_lr": 1}},
                "optimizer": {"name": "sgd", "learning_rate": 1, "warmup_epochs": 1},
            },
            r"t\.scheduler: warmup_epochs cannot come before OneCycleLR",
        ),
        ({"scheduler": {"name": "ReduceLROnPlateau", "each": "step"}}, "needs the mean loss of an epoch"),
        ({"loss": {"name": "MSE"}}, r"t\.loss: unknown loss 'MSE'; did you mean 'MSELoss'\?"),
        ({"loss": {"name": "MSELoss"}, "label_smoothing": 0.1}, "label_smoothing applies to the default loss alone"),
        ({"average": {"last_epochs": 4}}, r"t\.average: the recipe has only 3 epochs, not 4"),
        ({"accumulate": 5}, r"t\.accumulate: a batch of 12 cannot be divided into 5 equal parts"),
    ],
)
def test_mistakes_of_a_recipe_are_one_sentence(changes, sentence):
    if sentence is None:
        check_optimization(recipe(**changes), "t")
        return
    with pytest.raises(NoisegridError, match=sentence):
        check_optimization(recipe(**changes), "t")
