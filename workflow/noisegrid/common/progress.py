"""Progress lines on the terminal: how much is done, and how long the rest will take."""

import time


class Progress:
    """Progress lines for work that consists of a known number of units.

    Parameters
    ----------
    total : int
        The number of units of work.
    label : str
        The description of the work, with which each line begins.
    unit : str
        The word for the units, in the plural, such as `replicates`.
    """

    EVERY_S = 10

    def __init__(self, total: int, label: str, unit: str) -> None:
        self.total, self.label, self.unit = total, label, unit
        self.began = self.shown = time.monotonic()

    def show(self, done: int) -> None:
        """Print a progress line if EVERY_S seconds have passed since the last line or the start.

        `done` is the number of finished units. When all units are done, a last line is printed at once, unless the
        whole work took less than EVERY_S seconds.
        """
        now = time.monotonic()
        if done == 0:
            return  # the pace is not known yet
        if now - self.shown < self.EVERY_S and not (done == self.total and now - self.began > self.EVERY_S):
            return
        self.shown = now
        left = (now - self.began) / done * (self.total - done)
        print(f"{self.label}: {done} of {self.total} {self.unit}, {left:.0f} s left", flush=True)
