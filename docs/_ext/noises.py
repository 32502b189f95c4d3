"""The reference of the noises: what each leaves free."""

from _ext.markdown import code, table
from noisegrid.study.sources import NOISES


def markdown() -> str:
    """Return a table of the noises."""
    free = {name: ", ".join(map(code, sorted(noise.free))) or "–" for name, noise in NOISES.items()}
    rows = [[code(name), noise.title, free[name]] for name, noise in NOISES.items()]
    return table(["noise", "in figures and tables", "free sources"], rows)
