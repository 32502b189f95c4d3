"""Progress lines on the terminal: how much is done, and how long the rest will take."""

import time


class Progress:
    """A counter that prints progress lines; `label` describes the work, and `unit` says what is counted."""

    EVERY_S = 10

    def __init__(self, total: int, label: str, unit: str) -> None:
        self.total, self.label, self.unit = total, label, unit
        self.began = self.shown = time.monotonic()

    def show(self, done: int) -> None:
        """Print the progress at most once every EVERY_S seconds, and also at the end of work that took longer."""
        now = time.monotonic()
        if done == 0:
            return  # the pace is not known yet
        if now - self.shown < self.EVERY_S and not (done == self.total and now - self.began > self.EVERY_S):
            return
        self.shown = now
        left = (now - self.began) / done * (self.total - done)
        print(f"{self.label}: {done} of {self.total} {self.unit}, {left:.0f} s left", flush=True)
