"""The figure of all runs: a point for each run, the mean of each side with its interval, and lines between pairs."""

from noisegrid.common.escape import html, terminal
from noisegrid.gating.gate import Gate, Side
from noisegrid.gating.sentences import counted, direction, interval, power_of_ten
from noisegrid.presenting import drawing
from noisegrid.presenting.drawing import CIRCLE, DIAMOND

NAMES, SHAPES = ("base", "new"), (CIRCLE, DIAMOND)
#: The radius of a run's mark and of a mean's, and the distance between two levels of runs, in pixels.
SMALL, LARGE, LEVEL = 4, 6, 8
#: The place where the scale begins, right of the names of the sides, and where it ends, in percent of the width.
LEFT, RIGHT = 14, 98
#: The distance at which two runs do not cover each other on a narrow screen, in percent of the width.
APART = 2.7
#: The distances in pixels between a mean and its runs, and between the runs of both sides: pairs need room for lines.
TO_RUNS, TO_SIDE, TO_PARTNER = 22, 34, 76


def runs_figure(found: Gate) -> str:
    """Return the drawing with the title of its axis; empty if no scale has all runs."""
    sides = (found.base, found.new)
    values = [value for side in sides for value in (*side.values, *drawing.ends(side.mean))]
    scale = drawing.scale_over(values, LEFT, RIGHT)
    if scale is None:
        return ""
    places = [[scale.at(value) for value in side.values] for side in sides]
    levels = [drawing.stacked(of, APART) for of in places]
    rows, means = _rows(levels, TO_PARTNER if found.paired else TO_SIDE)
    points = [
        [(x, row + LEVEL * level) for x, level in zip(of, by, strict=True)]
        for of, by, row in zip(places, levels, rows, strict=True)
    ]
    pairs = zip(*points, strict=True) if found.paired else ()
    drawn = [drawing.line(x1, y1, x2, y2, "pair") for (x1, y1), (x2, y2) in pairs]
    for name, side, shape, of, row, mean in zip(NAMES, sides, SHAPES, points, rows, means, strict=True):
        drawn.append(drawing.words(name, 0, row + 5, kind=f"name {name}"))
        for (x, y), title in zip(of, _titles(side), strict=True):
            drawn.append(drawing.mark(shape, x, y, SMALL, f"run {name}", title))
        title = f"mean of {name}: {interval(side.mean)}"
        drawn.append(drawing.estimate(scale, side.mean, mean, LARGE, f"mean {name}", shape, title))
    bottom = means[1] + TO_RUNS
    picture = drawing.picture(
        "runs", "Runs and means", _described(found), bottom + 24, *drawn, drawing.axis(scale, bottom)
    )
    units = "%" * bool(found.unit) + power_of_ten(scale.power)
    title = f"{found.metric}{f' ({units.strip()})' if units else ''} · {direction(found)} is better"
    return f"{picture}<p class=axis>{html(title)}</p>"


def _rows(levels: list[list[int]], between: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return how far down the runs of both sides are, and how far down their means."""
    (above, below), (new_above, new_below) = ((-LEVEL * min(of), LEVEL * max(of)) for of in levels)
    first = 2 * TO_RUNS + above
    second = first + below + between + new_above
    return (first, second), (TO_RUNS, second + new_below + TO_RUNS)


def _titles(side: Side) -> list[str]:
    """Return what appears under the mouse at each run."""
    seeds = [f", seed {terminal(seed)}" for seed in side.seeds] if side.seeds else [""] * len(side.values)
    return [
        f"{terminal(name)}{seed}: {value:.8g}" for name, seed, value in zip(side.names, seeds, side.values, strict=True)
    ]


def _described(found: Gate) -> str:
    """Return the drawing in words."""
    return " ".join(
        f"{name}: {counted(len(side.values), 'run')} from {min(side.values):.6g} to {max(side.values):.6g}, mean "
        f"{interval(side.mean)}."
        for name, side in (("base", found.base), ("new", found.new))
    )
