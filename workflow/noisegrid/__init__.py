"""noisegrid: how much of a training result is noise, where it comes from, whom it hits, what determinism costs."""

__version__ = "0.1.0"
