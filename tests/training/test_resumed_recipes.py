"""Every optimiser and scheduler, and every average: a run that is interrupted and resumed ends with the same bits."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from changed import changed_run

from noisegrid.common.schemas import catalog
from noisegrid.data.form import Form
from noisegrid.data.prepared import Dataset
from noisegrid.networks.build import build
from noisegrid.study.settings import Average, Optimizer, Scheduler
from noisegrid.training.checkpoint import Checkpoints, Interrupted
from noisegrid.training.run import Run
from noisegrid.training.train import Training
from noisegrid.training.weights import weights_of

FORM = Form("images", "classes", 10, (1, 8, 8), full_scale=16.0)
EPOCHS, STEPS = 3, 3
#: Options that a scheduler has no default for, or that matter in a run of nine steps.
OPTIONS = {
    "CosineAnnealingWarmRestarts": {"T_0": 2},
    "CyclicLR": {"base_lr": 0.001, "max_lr": 0.02, "step_size_up": 2, "cycle_momentum": False},
    "ExponentialLR": {"gamma": 0.5},
    "MultiStepLR": {"milestones": [1, 2]},
    "OneCycleLR": {"max_lr": 0.02},
    "ReduceLROnPlateau": {"patience": 0, "threshold": 10.0},
    "StepLR": {"step_size": 1},
}
WARMED_UP = Optimizer("AdamW", 0.01, warmup_epochs=1)
CHANGES = (
    {name: {"optimizer": Optimizer(name, 0.01)} for name in catalog("optimizers")}
    | {name: {"scheduler": Scheduler(name, options=OPTIONS.get(name, {}))} for name in catalog("schedulers")}
    | {"each step, after a warm-up": {"optimizer": WARMED_UP, "scheduler": Scheduler("CosineAnnealingLR", "step")}}
    | {"moving average": {"average": Average(decay=0.9)}, "plain average": {"average": Average(last_epochs=2)}}
    | {"parts and clipping": {"accumulate": 2, "clip_norm": 0.1}}
)  # fmt: skip


def run_with(**changes: object) -> Run:
    return changed_run("smallcnn_dropout-digits", epochs=EPOCHS, batch_size=8, **changes)


def training(run: Run) -> Training:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 17, (8 * STEPS, 1, 8, 8), dtype=np.uint8), rng.integers(0, 10, 8 * STEPS)
    data = Dataset("digits", "d", FORM, images, labels, images[:4], labels[:4])
    torch.manual_seed(0)
    network = build(run.task.build, classes=10, channels=1, size=8, dropout=0.1, **run.task.options)
    return Training(run, data, weights_of(network), torch.device("cpu"))


def finished(found: Training, checkpoints: Checkpoints) -> tuple[str, bytes, list[float]]:
    """Train to the end; return the hash of the weights, the logits and the learning rates."""
    while found.epoch < EPOCHS:
        found.run_epoch(checkpoints)
    end = found.snapshot()
    return end.weights.hash, end.logits.tobytes(), [row["learning_rate"] for row in found.history]


def interrupted(run: Run, folder, steps: int, begin: Callable[[Run], Training] = training) -> Checkpoints:
    """Interrupt a run after so many steps; return the checkpoints that it leaves."""
    checkpoints, done = Checkpoints(folder, "run", every_s=1e9), 0

    def count(_: object) -> None:
        nonlocal done
        done += 1
        checkpoints.asked_to_stop = done == steps

    checkpoints.on_visit = count
    found = begin(run)
    with pytest.raises(Interrupted):
        finished(found, checkpoints)
    return Checkpoints(folder, "run", every_s=1e9)


@pytest.mark.parametrize("case", CHANGES)
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, case):
    run = run_with(**CHANGES[case])
    whole = finished(training(run), Checkpoints())
    for steps in (2, STEPS, 2 * STEPS + 1):  # within the first epoch, at its end, and within the last
        checkpoints = interrupted(run, tmp_path / str(steps), steps)
        found = training(run)
        assert checkpoints.resume(found, torch.device("cpu"))
        assert finished(found, checkpoints) == whole, steps


def test_the_predictions_after_each_epoch_survive_an_interruption_and_change_no_weight(tmp_path):
    def wanted(run: Run) -> Training:
        found = training(run)
        found.by_epoch = []
        return found

    run = run_with()
    whole = wanted(run)
    bits = finished(whole, Checkpoints())
    assert bits == finished(training(run), Checkpoints())
    assert len(whole.by_epoch) == EPOCHS and (whole.by_epoch[-1] == whole.snapshot().logits.argmax(1)).all()
    checkpoints = interrupted(run, tmp_path, STEPS + 1, wanted)
    again = wanted(run)
    assert checkpoints.resume(again, torch.device("cpu")) and finished(again, checkpoints) == bits
    assert (np.stack(again.by_epoch) == np.stack(whole.by_epoch)).all()


@pytest.mark.parametrize("part", ["optimizer", "learning_rate", "average", "random"])
def test_a_state_that_is_left_out_is_noticed(tmp_path, monkeypatch, part):
    """The negative control: without one part of the state, the resumed run ends with other bits or rates."""
    run = run_with(
        optimizer=Optimizer("AdamW", 0.01), scheduler=Scheduler("CosineAnnealingLR", "step"), average=Average(0.9)
    )
    whole = finished(training(run), Checkpoints())
    checkpoints = interrupted(run, tmp_path, STEPS + 1)
    fresh = training(run).state_dict()[part]
    load = Training.load_state_dict
    monkeypatch.setattr(Training, "load_state_dict", lambda self, state: load(self, state | {part: fresh}))
    found = training(run)
    assert checkpoints.resume(found, torch.device("cpu"))
    assert finished(found, checkpoints) != whole
