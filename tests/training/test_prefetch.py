"""Images that stay memory-mapped: read ahead by a thread, in order, without mixing, and no thread stays behind."""

import threading

import numpy as np
import pytest
import torch

from noisegrid.training.prefetch import Prefetch

CPU = torch.device("cpu")
IMAGES = np.arange(60, dtype=np.uint8).reshape(10, 1, 2, 3)
GROUPS = [np.array(group) for group in ([3, 1, 4], [1, 5], [9, 2, 6], [5, 3, 5], [8])]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_each_group_has_its_images_in_order():
    for images, group in zip(Prefetch(IMAGES, CPU).read(GROUPS), GROUPS, strict=True):
        assert np.array_equal(images.numpy(), IMAGES[group])
    assert threads() == []


def test_a_second_reading_starts_anew_with_larger_groups():
    prefetch = Prefetch(IMAGES, CPU)
    list(prefetch.read(GROUPS[:2]))
    whole = next(iter(prefetch.read([np.arange(10)])))
    assert np.array_equal(whole.numpy(), IMAGES)


def test_no_group_reads_nothing():
    assert list(Prefetch(IMAGES, CPU).read([])) == []


def test_images_are_valid_until_the_next_group_is_asked_for_and_not_longer():
    reading = Prefetch(IMAGES, CPU).read(GROUPS)
    first = next(reading)
    for _ in range(50):  # however long the caller takes, the thread fills only the other buffer
        threading.Event().wait(0.001)
        assert np.array_equal(first.numpy(), IMAGES[GROUPS[0]])
    # the negative control: two groups later, the buffer holds other images, so a caller must not keep it
    next(reading), next(reading)
    assert not np.array_equal(first.numpy(), IMAGES[GROUPS[0]])
    reading.close()


def test_the_next_group_is_read_while_the_caller_works():
    class Counted(np.ndarray):
        taken = 0

        def take(self, *arguments, **options):
            type(self).taken += 1
            return super().take(*arguments, **options)

    reading = Prefetch(IMAGES.view(Counted), CPU).read(GROUPS)
    next(reading)
    for _ in range(1000):
        if Counted.taken == 2:
            break
        threading.Event().wait(0.001)
    assert Counted.taken == 2  # the first and the second, and not a third, which has no buffer
    reading.close()


def test_closing_early_ends_the_thread():
    reading = Prefetch(IMAGES, CPU).read(GROUPS)
    next(reading)
    assert len(threads()) == 1
    reading.close()
    assert threads() == []


def test_an_error_while_reading_reaches_the_caller():
    class Damaged(np.ndarray):
        def take(self, *arguments, **options):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        next(Prefetch(IMAGES.view(Damaged), CPU).read(GROUPS))
    assert threads() == []


def test_an_example_that_does_not_exist_is_an_error():
    with pytest.raises(IndexError, match="example 10 does not exist: the dataset has 10 images"):
        next(Prefetch(IMAGES, CPU).read([np.array([3, 10])]))


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint8])
def test_values_of_every_kind_are_read_as_they_are(kind):
    values = (np.arange(24).reshape(6, 4) * 17.25 - 3 * (kind != np.uint8)).astype(kind)
    (found,) = (group.clone() for group in Prefetch(values, CPU).read([np.array([4, 0, 5])]))
    assert found.numpy().dtype == kind and (found.numpy() == values[[4, 0, 5]]).all()
