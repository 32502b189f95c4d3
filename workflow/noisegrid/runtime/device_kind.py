"""The kinds of devices: a CPU, a CUDA GPU, and a CPU or a TPU for which PyTorch/XLA compiles."""


class DeviceKind:
    """What a hardware entry, and the settings of a cell, have in common.

    Attributes
    ----------
    device : str
        `cpu`, `cuda` or `xla`.
    pjrt : str
        For XLA, the kind of device that it compiles for: `CPU` or `TPU`; otherwise empty.
    """

    device: str
    pjrt: str

    @property
    def is_cuda(self) -> bool:
        """Whether the device is a CUDA GPU."""
        return self.device == "cuda"

    @property
    def is_xla(self) -> bool:
        """Whether PyTorch/XLA compiles the training."""
        return self.device == "xla"

    @property
    def is_tpu(self) -> bool:
        """Whether the device is a TPU."""
        return self.pjrt == "TPU"
