"""Broken: the random states are not resumed, so the order of the first epoch comes again."""

from pathlib import Path

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from training import Examples, fit, small


def train(seed, checkpoint):
    torch.manual_seed(seed)
    network = small()
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    parts = {"network": network, "average": average, "optimizer": optimizer, "schedule": schedule}
    first = 0
    if Path(checkpoint).exists():
        state = torch.load(checkpoint, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        first = state["epoch"] + 1
    loader = DataLoader(Examples(), 8, shuffle=True)
    for epoch in range(first, 6):
        fit(network, loader, 1, after_step=lambda: average.update_parameters(network), optimizer=optimizer)
        schedule.step()
        state = {name: part.state_dict() for name, part in parts.items()}
        torch.save(state | {"random": torch.get_rng_state(), "epoch": epoch}, checkpoint)
    return average
