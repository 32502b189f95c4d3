"""Float32 arrays that stay on disk and are read a few rows at a time, because all of them do not fit into memory.

They are not memory-mapped: a map keeps a file open, of which a process may have few (`ulimit -n`), and its pages count
as memory of the process.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import npy_header


class StoredArray:
    """A float32 array in a .npy file, or in an entry of an .npz file that is not compressed.

    Parameters
    ----------
    path : Path
        The file.
    start : int
        Where the header of the array begins in the file.

    Attributes
    ----------
    shape : tuple of int
        The shape of the array.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        with path.open("rb") as file:
            file.seek(start)
            self.shape, dtype = npy_header(file)
            self.start = file.tell()
            file.seek(start)
            header = file.read(self.start - start)
        if dtype != np.float32 or b"'fortran_order': False" not in header:
            raise NoisegridError(f"{path} contains {dtype} and not float32, or its values are stored column by column")
        self.path = path

    def __len__(self) -> int:
        """Return the length of the first axis."""
        return self.shape[0]

    def __getitem__(self, key: slice) -> np.ndarray:
        """Read a slice of the first axis with step 1, as float32."""
        first, last, _ = key.indices(len(self))
        row = math.prod(self.shape[1:])
        count = max(0, last - first)
        values = np.fromfile(self.path, np.float32, count * row, offset=self.start + 4 * first * row)
        return values.reshape(count, *self.shape[1:])

    def __array__(self, *options: Any, **more: Any) -> np.ndarray:
        """Read the whole array, so that NumPy's functions accept it."""
        return np.array(self[:], *options, **more)
