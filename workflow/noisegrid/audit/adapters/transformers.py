"""The adapter for Hugging Face's Trainer: what calls Trainer.train, and has it write its own checkpoints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from noisegrid.audit.adapters.function import need, training_function
from noisegrid.common.errors import NoisegridError


def transformers_train(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a training function from one that builds a Trainer of transformers.

    The function sets no seed: the Trainer is seeded by its TrainingArguments(seed=...), and what is made before it by
    `build`. It reports and uploads nothing, and writes no checkpoints but those of an audit, at the end of each epoch.

    Parameters
    ----------
    build : callable
        Takes the seeds, and returns a Trainer.
    """
    need("transformers_train", "transformers", "transformers")
    return training_function(build, _train)


def _train(trainer: Any, checkpoint: str | None) -> Any:
    from transformers import Trainer
    from transformers.trainer_utils import get_last_checkpoint

    if not isinstance(trainer, Trainer):
        raise NoisegridError(
            f"transformers_train: the function returns {type(trainer).__name__}; return a Trainer of transformers"
        )
    _silence(trainer)
    resumed = None
    if checkpoint:
        trainer.args.output_dir, trainer.args.save_strategy = checkpoint, "epoch"
        resumed = get_last_checkpoint(checkpoint) if Path(checkpoint).exists() else None
    trainer.train(resume_from_checkpoint=resumed)
    return trainer.model


def _silence(trainer: Any) -> None:
    """Take away what writes into folders of the user, or to a server. No random number is drawn for it."""
    from transformers.integrations import INTEGRATION_TO_CALLBACK

    for callback in INTEGRATION_TO_CALLBACK.values():
        trainer.remove_callback(callback)
    trainer.args.push_to_hub, trainer.args.save_strategy = False, "no"
