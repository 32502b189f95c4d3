"""Readers of datasets of images.

If torchvision has a reader for a dataset, this module uses it, because torchvision checks the published
checksums. The catalog lists them (`checksums` in workflow/catalog/datasets.yaml).
"""

import gzip
import hashlib
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.readers.raw import Images, Raw

#: Number of training images of digits. scikit-learn does not split this dataset; here, the last third of the images is
#: the test set. UCI's order keeps the images of each writer together, so most test images are by writers who are not in
#: the training set.
DIGITS_TRAIN = 1200


def digits(folder: Path | None, cache: Path) -> Raw:
    """Read scikit-learn's digits: 1,797 images of 8 x 8 pixels with values 0 to 16, bundled with scikit-learn."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 1, 8, 8)
    return Raw(images[:DIGITS_TRAIN], labels[:DIGITS_TRAIN], images[DIGITS_TRAIN:], labels[DIGITS_TRAIN:])


def fashion_mnist(folder: Path | None, cache: Path) -> Raw:
    """Read torchvision.datasets.FashionMNIST: 60,000 training and 10,000 test images of 28 x 28 pixels.

    The files in the user's folder may contain the published data, but be compressed differently (as in Debian's
    package). Therefore this reader unpacks them and checks the content before torchvision reads it. It does the same
    with downloaded files.
    """
    from torchvision.datasets import FashionMNIST

    if folder is None:
        FashionMNIST(str(cache), download=True)
        folder = cache / "FashionMNIST" / "raw"
    with tempfile.TemporaryDirectory() as staging:
        raw = Path(staging) / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for name, checksum in catalog("datasets")["fashion_mnist"]["checksums"].items():
            _unpack_checked(folder / f"{name}.gz", raw / name, checksum.removeprefix("sha256:"))
        return _grey(FashionMNIST, Path(staging))


def cifar10(folder: Path | None, cache: Path) -> Raw:
    """Read torchvision.datasets.CIFAR10.

    It has 50,000 training and 10,000 test images in ten classes. The images are in colour and have 32 x 32 pixels.
    """
    from torchvision.datasets import CIFAR10

    return _cifar(CIFAR10, folder, cache)


def cifar100(folder: Path | None, cache: Path) -> Raw:
    """Read torchvision.datasets.CIFAR100.

    It has 50,000 training and 10,000 test images in a hundred fine classes. The images are in colour and have 32 x 32
    pixels.
    """
    from torchvision.datasets import CIFAR100

    return _cifar(CIFAR100, folder, cache)


CELEBA_SIZE = 128  # pixels; the reference resizes the aligned images (178 x 218) to a square
CELEBA_TARGET = "Blond_Hair"  # with this attribute, the sizes of the sub-groups match the paper (docs/metrics.md)


def celeba(folder: Path | None, cache: Path) -> Raw:
    """Read torchvision.datasets.CelebA.

    It has 162,770 training and 19,962 test images with 40 attributes each. The images are resized to 128 x 128 pixels.
    """
    from torchvision.datasets import CelebA

    train, test = (_told(CelebA, folder, split=part) for part in ("train", "test"))
    names = [name for name in test.attr_names if name]
    attributes = test.attr.numpy().astype(bool)
    male, young = (attributes[:, names.index(name)] for name in ("Male", "Young"))
    single = {"male": male, "female": ~male, "young": young, "old": ~young}
    crossed = {f"{sex}, {age}": single[sex] & single[age] for sex in ("male", "female") for age in ("young", "old")}
    return Raw(
        _resized(train, CELEBA_SIZE), train.attr.numpy(), _resized(test, CELEBA_SIZE), test.attr.numpy(),
        single | crossed, names.index(CELEBA_TARGET),
    )  # fmt: skip


IMAGENET_SIZE = 256  # pixels; training uses random crops of 224 pixels, and evaluation uses the centre crop


def imagenet(folder: Path | None, cache: Path) -> Raw:
    """Read torchvision.datasets.ImageNet (ILSVRC2012).

    It has 1,281,167 training images and 50,000 test images, which are the official validation images. Each image is
    resized so that its short side has 256 pixels, and is then cropped to the centre square. The prepared dataset takes
    262 GB. When torchvision first reads the dataset, it unpacks the archives into `folder`.
    """
    from torchvision.datasets import ImageNet

    train, test = (_told(ImageNet, folder, split=part) for part in ("train", "val"))
    labels = (np.asarray(part.targets) for part in (train, test))
    return Raw(_squared(train, IMAGENET_SIZE), next(labels), _squared(test, IMAGENET_SIZE), next(labels))


def _told(reader: Any, folder: Path | None, **options: Any) -> Any:
    """Open a licensed dataset with its torchvision reader, and raise a NoisegridError if the reader fails."""
    name = reader.__name__
    if folder is None:
        raise NoisegridError(f"the licence of {name} forbids automatic download; set its folder in dataset_folders")
    try:
        return reader(str(folder), **options)
    except (RuntimeError, OSError) as error:
        raise NoisegridError(f"{name} in {folder}: {' '.join(str(error).split())}") from error


def _resized(dataset: Any, size: int) -> Images:
    images = (image.convert("RGB").resize((size, size), resample=2) for image, _ in dataset)  # 2: bilinear
    return Images(len(dataset), (3, size, size), map(_array, images))


def _squared(dataset: Any, size: int) -> Images:
    """Resize each image so that its short side has `size` pixels, then crop the centre square."""

    def square(image: Any) -> Any:
        scale = size / min(image.size)
        width, height = (max(size, round(side * scale)) for side in image.size)
        left, top = (width - size) // 2, (height - size) // 2
        return image.convert("RGB").resize((width, height), resample=2).crop((left, top, left + size, top + size))

    return Images(len(dataset), (3, size, size), (_array(square(image)) for image, _ in dataset))


def _array(image: Any) -> np.ndarray:
    return np.asarray(image, dtype=np.uint8).transpose(2, 0, 1)


def _cifar(reader: Any, folder: Path | None, cache: Path) -> Raw:
    # with download=True, torchvision downloads or unpacks a file only if no file with the published checksum exists
    if folder is not None and not (folder / reader.base_folder).is_dir():
        published = catalog("datasets")[reader.__name__.lower()]["checksums"][reader.filename]
        _check_md5(folder / reader.filename, published.removeprefix("md5:"))
    try:
        train, test = (reader(str(folder or cache), train=part, download=folder is None or not
                              (folder / reader.base_folder).is_dir()) for part in (True, False))  # fmt: skip
    except RuntimeError as error:
        raise NoisegridError(f"{reader.__name__} in {folder or cache}: {error}") from error
    images = (_channels_first(part.data) for part in (train, test))
    return Raw(next(images), np.asarray(train.targets), next(images), np.asarray(test.targets))


def _grey(reader: Any, root: Path) -> Raw:
    train, test = (reader(str(root), train=part) for part in (True, False))
    return Raw(train.data[:, None].numpy(), train.targets.numpy(), test.data[:, None].numpy(), test.targets.numpy())


def _channels_first(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _unpack_checked(packed: Path, unpacked: Path, sha256: str) -> None:
    try:
        content = gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise NoisegridError(f"{packed} cannot be unpacked ({error}); download it again") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise NoisegridError(f"{packed} does not contain the published data (its SHA-256 differs); download it again")
    unpacked.write_bytes(content)


def _check_md5(path: Path, md5: str) -> None:
    from torchvision.datasets.utils import check_md5

    if not check_md5(str(path), md5):
        raise NoisegridError(
            f"{path} is not the published file: its MD5 differs from {md5}, so it is truncated or changed; "
            "download it again"
        )
