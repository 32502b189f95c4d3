"""The pool: what it hears of its processes."""

from types import SimpleNamespace

from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.pool import INTERRUPTED, Pool


class Ending:
    """A process that ends right after it was first looked at."""

    looks = 0

    @property
    def exitcode(self) -> int | None:
        self.looks += 1
        return None if self.looks == 1 else INTERRUPTED


def test_a_process_that_ends_between_two_looks_is_not_lost():
    pool = Pool(SimpleNamespace(), cores=1, checkpoint_s=Checkpoints().every_s)
    pool.running = [("job", Ending())]
    assert pool._collect() == []
    assert pool._collect() == [("job", INTERRUPTED)]
    assert pool.running == []
