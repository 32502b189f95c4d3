"""The adapter for Lightning: what calls Trainer.fit, and writes checkpoints with Trainer.save_checkpoint."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from noisegrid.audit.adapters.function import need, training_function
from noisegrid.common.errors import NoisegridError

#: The packages that have Lightning's Trainer: the same code under two names.
LIBRARIES = ("lightning.pytorch", "pytorch_lightning")


def lightning_fit(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a training function from one that builds a Trainer and what it fits.

    The function sets no seed, so `build` must. It logs nothing, and writes no checkpoints but its own: one at the end
    of each epoch, with all that Lightning puts into it.

    Parameters
    ----------
    build : callable
        Takes the seeds, and returns a tuple: a Trainer, and the arguments of its `fit`, which are a module and perhaps
        a data module or DataLoaders.
    """
    need("lightning_fit", "lightning", "lightning", "pytorch_lightning")
    return training_function(build, _fit)


def _fit(built: Any, checkpoint: str | None) -> Any:
    library = _library_of(built)
    trainer, module, *data = built
    _silence(trainer, library)
    if checkpoint:
        trainer.callbacks.append(_saver(library, checkpoint))
    resumes = checkpoint is not None and Path(checkpoint).exists()
    trainer.fit(module, *data, ckpt_path=checkpoint if resumes else None)
    return module


def _library_of(built: Any) -> ModuleType:
    """Return the package whose Trainer a function has built."""
    if isinstance(built, tuple) and len(built) > 1:
        for library in filter(None, map(sys.modules.get, LIBRARIES)):
            if isinstance(built[0], library.Trainer):
                return library
    raise NoisegridError(
        f"lightning_fit: the function returns {type(built).__name__}; return a tuple of a Trainer and the arguments of "
        "its fit, such as (trainer, module, loader)"
    )


def _silence(trainer: Any, library: ModuleType) -> None:
    """Take away what writes into folders of the user, or to a server. No random number is drawn for it."""
    from_fast_dev_run = sys.modules[f"{library.__name__}.loggers.logger"].DummyLogger
    trainer.loggers = [from_fast_dev_run() for _ in trainer.loggers]
    writes = library.callbacks.ModelCheckpoint
    trainer.callbacks[:] = [one for one in trainer.callbacks if type(one) is not writes]


def _saver(library: ModuleType, path: str) -> Any:
    """Return a callback that writes a checkpoint at the end of each epoch, after all other callbacks."""

    class Saver(library.callbacks.Checkpoint):  # type: ignore[name-defined]
        def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
            trainer.save_checkpoint(path)

    return Saver()
