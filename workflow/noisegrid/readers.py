"""Readers of raw datasets: torchvision's own where it has one, so that published checksums are checked by their owner.

Each reader takes the folder that holds the raw files, or None to let the library fetch them into `cache`, and returns
train images, train labels, test images, test labels: uint8 arrays of shape (examples, channels, size, size) and
integer arrays of shape (examples,).
"""

import gzip
import hashlib
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.errors import NoisegridError

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

#: Digits has no official split. The last third is the test set: UCI's order keeps writers together, so that most test
#: images are by writers the network has not seen.
DIGITS_TRAIN = 1200

#: SHA-256 of the unpacked files, as in Debian's dataset-fashion-mnist.
FASHION_MNIST_CONTENT = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def digits(folder: Path | None, cache: Path) -> Arrays:
    """scikit-learn's digits: 1,797 images of 8 x 8 pixels with values 0 to 16, in its wheel."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 1, 8, 8)
    return images[:DIGITS_TRAIN], labels[:DIGITS_TRAIN], images[DIGITS_TRAIN:], labels[DIGITS_TRAIN:]


def fashion_mnist(folder: Path | None, cache: Path) -> Arrays:
    """torchvision.datasets.FashionMNIST: 60,000 + 10,000 images of 28 x 28 pixels.

    A folder that the user names may hold other compressions of the published files (Debian's package does), so their
    content is checked before torchvision reads it.
    """
    from torchvision.datasets import FashionMNIST

    if folder is None:
        return _grey(FashionMNIST, cache, download=True)
    with tempfile.TemporaryDirectory() as staging:
        raw = Path(staging) / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for name, sha256 in FASHION_MNIST_CONTENT.items():
            _unpack_checked(folder / f"{name}.gz", raw / name, sha256)
        return _grey(FashionMNIST, Path(staging), download=False)


def cifar10(folder: Path | None, cache: Path) -> Arrays:
    """torchvision.datasets.CIFAR10: 50,000 + 10,000 colour images of 32 x 32 pixels."""
    from torchvision.datasets import CIFAR10

    if folder is not None:
        _check_md5(folder / CIFAR10.filename, CIFAR10.tgz_md5)
    train, test = (CIFAR10(str(folder or cache), train=part, download=True) for part in (True, False))
    return _channels_first(train.data), np.asarray(train.targets), _channels_first(test.data), np.asarray(test.targets)


def _grey(reader: Any, root: Path, download: bool) -> Arrays:
    train, test = (reader(str(root), train=part, download=download) for part in (True, False))
    return train.data[:, None].numpy(), train.targets.numpy(), test.data[:, None].numpy(), test.targets.numpy()


def _channels_first(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _unpack_checked(packed: Path, unpacked: Path, sha256: str) -> None:
    try:
        content = gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise NoisegridError(f"{packed} cannot be unpacked ({error}): truncated or changed; fetch it again") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise NoisegridError(f"{packed} does not hold the published data (its SHA-256 differs); fetch it again")
    unpacked.write_bytes(content)


def _check_md5(path: Path, md5: str) -> None:
    from torchvision.datasets.utils import check_md5

    if not check_md5(str(path), md5):
        raise NoisegridError(
            f"{path} is not the published file (its MD5 differs from {md5}): truncated or changed; fetch it again"
        )
