"""Typed settings of a task and a hardware entry, read from the settings of a cell.

The settings of a cell are a dictionary, which is hashed and written to records without conversion. The training code
reads this dictionary through the classes below. Before that, it is checked with the JSON schemas.
"""

from dataclasses import dataclass, field
from typing import Any

from noisegrid.runtime.device_kind import DeviceKind


@dataclass(frozen=True)
class Optimizer:
    """The settings of an optimiser. A setting that is None has the default of its class in PyTorch.

    Attributes
    ----------
    name : str
        The name in the catalog of optimisers, in any case.
    options : dict
        Further arguments of the class.
    """

    name: str
    learning_rate: float
    epsilon: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    warmup_epochs: int = 0
    options: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Scheduler:
    """The settings of a learning rate scheduler.

    Attributes
    ----------
    name : str
        The name in the catalog of schedulers.
    each : str
        When it moves on, `step` or `epoch`; empty for the default of the catalog.
    options : dict
        Arguments of the class.
    """

    name: str
    each: str = ""
    options: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Loss:
    """The settings of a loss.

    Attributes
    ----------
    name : str
        The name in the catalog of losses, or a user's function as package.module:function.
    options : dict
        Arguments of the class or of the function.
    source : str
        The digest of the file that defines a user's function; empty for a loss of the catalog.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    source: str = ""


@dataclass(frozen=True)
class Average:
    """The average of the weights that is evaluated instead of the last weights.

    Attributes
    ----------
    decay : float or None
        The decay of an exponential moving average over the steps.
    last_epochs : int or None
        The number of epochs, counted from the end, after each of which the weights enter a plain average.
    """

    decay: float | None = None
    last_epochs: int | None = None


@dataclass(frozen=True)
class Augment:
    """The augmentation of training images.

    Attributes
    ----------
    pad : int
        The width in pixels of the zero padding before the random crop.
    flip : bool
        Whether images are mirrored left-right with probability 0.5.
    resized_crop : int or None
        If it is not None, images are not padded and cropped as described for `pad`. Instead, a crop of random area and
        aspect ratio is resized to a square with this edge length in pixels.
    """

    pad: int
    flip: bool
    resized_crop: int | None = None


@dataclass(frozen=True)
class Task:
    """The recipe of a task.

    Attributes
    ----------
    build : str
        The function that builds the network, as package.module:function.
    options : dict
        The options of that function.
    optimizer : Optimizer
        The optimiser; unused with a `trainer`.
    trainer : str
        The user's training function, as package.module:function, which is then also `build`; empty for noisegrid's
        loop.
    schedule : tuple of (int, float)
        Pairs of an epoch (counted from 0) and a factor. From that epoch until the next pair, the learning rate is
        the base rate times the factor.
    source : str
        The digest of the file that defines a user's own network; empty for a network of the catalog.
    scheduler : Scheduler or None
        The scheduler of the learning rate, which replaces `schedule`.
    loss : Loss or None
        The loss; None for the default of the dataset's labels.
    clip_norm : float or None
        The largest norm of the gradient of all parameters.
    accumulate : int
        The number of parts of a batch whose gradients are computed one after the other.
    average : Average or None
        The average of the weights that is evaluated.
    context : int or None
        For tokens, the number of tokens that the network sees.
    tolerance : float or None
        For values, the difference from which on two predictions count as different.
    world_size : int
        The number of processes that train a replicate together; each computes an equal part of every batch.
    bucket_mb : float or None
        The size in MB of the buckets in which they exchange gradients; None for PyTorch's default.
    """

    network: str
    dataset: str
    epochs: int
    batch_size: int
    build: str
    options: dict[str, Any] = field(hash=False)
    optimizer: Optimizer = Optimizer("none", 0.0)
    trainer: str = ""
    schedule: tuple[tuple[int, float], ...] = ()
    pixels: str = "scale"
    augment: Augment = Augment(pad=0, flip=False)
    dropout: float = 0.0
    label_smoothing: float = 0.0
    source: str = ""
    scheduler: Scheduler | None = None
    loss: Loss | None = None
    clip_norm: float | None = None
    accumulate: int = 1
    average: Average | None = None
    context: int | None = None
    tolerance: float | None = None
    world_size: int = 1
    bucket_mb: float | None = None

    def divides_among(self, world: int) -> bool:
        """Return whether so many ranks get equal parts of a batch, and of each part of it that `accumulate` makes."""
        return self.batch_size % (world * self.accumulate) == 0

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Task":
        """Return the task, given the entry `task` of a cell's settings."""
        kinds = {"optimizer": Optimizer, "augment": Augment, "scheduler": Scheduler, "loss": Loss, "average": Average}
        parts = {key: kind(**settings[key]) for key, kind in kinds.items() if key in settings}
        schedule = tuple((int(epoch), float(factor)) for epoch, factor in settings.get("schedule", ()))
        return cls(**settings | parts | {"schedule": schedule})


@dataclass(frozen=True)
class Hardware(DeviceKind):
    """The settings in a hardware entry that affect results.

    Attributes
    ----------
    device : str
        `cpu`, `cuda` or `xla`.
    precision : str
        `fp32`, `amp_fp16` or `amp_bf16`.
    gpu : str
        The text that the name of the GPU must contain; empty for other devices.
    kernels : dict
        For a CPU, the instruction sets that libraries use, and the number of threads. The entry `held` contains the
        values that all replicates use if the source `impl` is held. The entry `free` contains lists, from which each
        replicate draws its values if `impl` is free. Empty for a GPU or a TPU.
    stack : str
        The name of the stack, if the study specifies it (as NAME@STACK); otherwise empty.
    pjrt : str
        For XLA, the kind of device that it compiles for: `CPU` or `TPU`; otherwise empty.
    """

    device: str
    precision: str
    tf32: bool
    memory_format: str
    gpu: str = ""
    kernels: dict[str, Any] = field(default_factory=dict, hash=False)
    stack: str = ""
    pjrt: str = ""

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Hardware":
        """Return the hardware, given the entry `hardware` of a cell's settings."""
        return cls(**settings)
