"""Batches: augmentation belongs to (epoch, example), order does not touch it, and pixels are as documented."""

import numpy as np
import pytest
import torch

from noisegrid.common.schemas import catalog
from noisegrid.data.form import Form
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.settings import Task
from noisegrid.training.augmentation import crop_and_flip, random_boxes, resized_crop, to_inputs
from noisegrid.training.loader import Batches
from noisegrid.training.prefetch import Prefetch

RECIPE = resolve_tasks({}, "catalog")["smallcnn-digits"]
TASK = task_settings({"t": RECIPE | {"batch_size": 7, "pixels": "scale", "augment": {"pad": 2, "flip": True}}},
                     catalog("datasets"), "t", "test")  # fmt: skip


def batches(count: int = 50, **task) -> Batches:
    images = np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)
    # an example's label is its number, so that it can be followed through the shuffle
    form = Form("images", "classes", 10, (3, 8, 8), full_scale=255)
    return Batches(images, np.arange(count), form, Task.of(TASK | task), torch.device("cpu"), torch.contiguous_format)


def by_example(seeds: dict[str, int], epoch: int) -> dict[int, torch.Tensor]:
    pairs = [pair for x, y in batches().training(seeds, epoch) for pair in zip(y.tolist(), x, strict=True)]
    assert len(pairs) == 50
    return dict(pairs)


def test_an_epoch_is_every_example_once_and_the_last_batch_is_what_is_left():
    sizes = [len(labels) for _, labels in batches().training({"order": 1, "augment": 1}, 0)]
    assert sizes == [7] * 7 + [1]
    assert sorted(by_example({"order": 1, "augment": 1}, 0)) == list(range(50))


def test_changing_the_order_leaves_every_crop_as_it_was():
    first, second = by_example({"order": 1, "augment": 5}, 3), by_example({"order": 2, "augment": 5}, 3)
    assert list(first) != list(second)
    assert all(torch.equal(first[example], second[example]) for example in range(50))


def test_changing_the_augment_seed_or_the_epoch_changes_crops_and_not_the_order():
    first, other = by_example({"order": 1, "augment": 5}, 3), by_example({"order": 1, "augment": 6}, 3)
    assert list(first) == list(other)
    assert sum(not torch.equal(first[example], other[example]) for example in range(50)) > 40
    assert list(by_example({"order": 1, "augment": 5}, 4)) != list(first)


def test_in_batch_order_moves_examples_inside_their_batch_only():
    def batch_labels(seeds):
        return [labels.tolist() for _, labels in batches().training(seeds, 0)]

    plain = batch_labels({"order": 1, "augment": 5})
    shuffled = batch_labels({"order": 1, "augment": 5, "in_batch_order": 2})
    assert plain != shuffled
    assert [sorted(batch) for batch in plain] == [sorted(batch) for batch in shuffled]
    assert shuffled != batch_labels({"order": 1, "augment": 5, "in_batch_order": 3})


def test_crop_and_flip_by_hand():
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    centre, corner = torch.tensor([[1, 1]]), torch.tensor([[0, 2]])
    assert torch.equal(crop_and_flip(image, centre, torch.tensor([False]), 1), image)
    assert torch.equal(crop_and_flip(image, centre, torch.tensor([True]), 1), image.flip(3))
    # one row of zeros from above, one column of zeros from the right
    expected = torch.tensor([[[[0.0, 0, 0], [1, 2, 0], [4, 5, 0]]]])
    assert torch.equal(crop_and_flip(image, corner, torch.tensor([False]), 1), expected)


def test_crop_and_flip_is_the_slow_obvious_one():
    rng = np.random.default_rng(1)
    images = torch.from_numpy(rng.standard_normal((20, 3, 6, 6)).astype(np.float32))
    shifts, flips = torch.from_numpy(rng.integers(0, 5, (20, 2))), torch.from_numpy(rng.random(20) < 0.5)
    fast = crop_and_flip(images, shifts, flips, 2)
    for image, (down, right), flip, result in zip(images, shifts.tolist(), flips.tolist(), fast, strict=True):
        padded = torch.zeros(3, 10, 10)
        padded[:, 2:8, 2:8] = image
        crop = padded[:, down : down + 6, right : right + 6]
        assert torch.equal(result, crop.flip(2) if flip else crop)


def test_pixels():
    images = torch.tensor([[[[0, 255], [255, 0]]], [[[7, 7], [7, 7]]]], dtype=torch.uint8)
    assert to_inputs(images, "scale", 255).flatten().tolist()[:4] == [0, 1, 1, 0]
    standard = to_inputs(images, "standardise", 255)
    assert standard[0].flatten().tolist() == [-1, 1, 1, -1]
    assert standard[1].abs().max() < 1e-6  # a flat image is divided by 1/sqrt(4) instead of 0


def test_resized_crop_of_the_whole_image_is_a_plain_resize():
    images = torch.arange(64.0).reshape(1, 1, 8, 8)
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    assert torch.allclose(resized_crop(images, whole, 8), images, atol=1e-4)
    assert torch.allclose(resized_crop(images, whole * torch.tensor([1, 1, -1, 1]), 8), images.flip(3), atol=1e-4)
    quarter = torch.tensor([[-0.5, -0.5, 0.5, 0.5]])  # the upper left quarter
    assert torch.allclose(resized_crop(images, quarter, 4), images[:, :, :4, :4], atol=1e-4)


def test_random_boxes_lie_inside_and_have_the_stated_area():
    boxes = random_boxes(np.random.default_rng(0), 5000, flip=True)
    x, y, width, height = np.abs(boxes).T
    assert (x + width <= 1 + 1e-6).all() and (y + height <= 1 + 1e-6).all()
    assert (width * height).min() > 0.05 and 0.4 < (width * height).mean() < 0.6
    assert 0.45 < (boxes[:, 2] < 0).mean() < 0.55


@pytest.mark.parametrize("start", [0, 3, 7])
@pytest.mark.parametrize(
    "recipe",
    [
        {"pixels": "scale", "augment": {"pad": 0, "flip": False}},
        {"pixels": "raw", "augment": {"pad": 1, "flip": True}},
        {"pixels": "standardise", "augment": {"pad": 2, "flip": True}},
        {"pixels": "imagenet", "augment": {"pad": 0, "flip": True, "resized_crop": 6}},
    ],
)
def test_a_dataset_too_large_for_memory_gives_the_same_batches(monkeypatch, recipe, start):
    seeds = {"order": 1, "augment": 5}
    small = batches(**recipe)
    monkeypatch.setattr("noisegrid.training.loader.SPAN", 2)
    monkeypatch.setattr("noisegrid.training.loader.RESIDENT_BYTES", 0)
    mapped = batches(**recipe)
    assert isinstance(mapped.stored, Prefetch)
    resident, again = (list(one.training(seeds, 0, start)) for one in (small, mapped))
    assert len(resident) == len(again) == 8 - start
    for (x, y), (mapped_x, mapped_y) in zip(resident, again, strict=True):
        assert torch.equal(x, mapped_x)
        assert torch.equal(y, mapped_y)
    assert all(torch.equal(x, y) for x, y in zip(small.evaluation(), mapped.evaluation(), strict=True))


def test_large_images_are_prepared_in_smaller_spans_to_the_same_batches(monkeypatch):
    seeds = {"order": 1, "augment": 5}
    usual = [x for x, _ in batches().training(seeds, 0)]
    monkeypatch.setattr("noisegrid.training.loader.SPAN_BYTES", 2 * 7 * 3 * 8 * 8 * 4)
    assert (batches().span, batches(batch_size=70).span) == (2, 1)
    for start in (0, 1, 2, 5):
        again = [x for x, _ in batches().training(seeds, 0, start)]
        assert all(torch.equal(a, b) for a, b in zip(usual[start:], again, strict=True))


def test_no_augmentation_leaves_images_alone():
    plain = batches(augment={"pad": 0, "flip": False})
    for inputs, labels in plain.training({"order": 1, "augment": 1}, 0):
        assert torch.equal(inputs, plain.stored[labels].float() / 255)
