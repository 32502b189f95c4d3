"""Draw figure_components: the share of each source and of each interaction in a crossed cell."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.figure_parts import (
    caption,
    cell_title,
    draw_estimate,
    filled_and_open,
    finish,
    panels,
    row_label,
    stacked,
)
from noisegrid.reporting.figures_noise import APART, GROUP
from noisegrid.reporting.metrics_frame import select
from noisegrid.reporting.titles import noise_title
from noisegrid.study.sources import NOISES

#: The metric of the shares of each panel, and its axis label.
SHARES = {
    "component_predictions": "share of the churn (%)",
    "component_accuracy": "share of the variance of top-1 (%)",
}
#: The length of a row's label in one line.
LABEL = 30


def figure_components(frame: pd.DataFrame) -> Figure:
    """Draw, for each crossed cell, the share of each source and each interaction, with a panel for each outcome.

    A filled marker is the share that goes away if a source is held, an open one the share that stays if this source
    alone is free. An estimate below 0 or above 100 % is drawn at 0 or 100.

    Raises
    ------
    NoisegridError
        If there is no crossed cell.
    """
    shares = select(frame, "component_predictions", None)
    if shares.empty:
        raise NoisegridError("figure_components requires a crossed cell, e.g. crossed: {init: 4, order: 4}")
    shown = {key: list(part["group"]) for key, part in shares.groupby(GROUP, sort=False, observed=True)}
    blocks = stacked(
        (cell_title(task, hardware, frame), (row_label(noise_title(source), LABEL) for source in sources))
        for (hardware, task), sources in shown.items()
    )
    figure, axes = panels(len(SHARES), blocks, row=0.28)
    for axis, (metric, label) in zip(axes, SHARES.items(), strict=True):
        own, alone = (select(frame, name, None).set_index([*GROUP, "group"]) for name in (metric, f"{metric}_alone"))
        for block, (key, sources) in zip(blocks, shown.items(), strict=True):
            for row, source in zip(block.rows, sources, strict=True):
                for data, offset, filled in ((own, -APART, True), (alone, APART, False)):
                    if (*key, source) in data.index:
                        share = data.loc[(*key, source)].copy()
                        share["value"] = np.clip(share["value"], 0, 100)
                        draw_estimate(axis, share, row + offset * (source in NOISES), source, filled, null=False)
        axis.set_xlim(0, 100)
        finish(axis, label, blocks)
    caption(figure, frame, filled_and_open("goes away if it is held", "stays if it alone is free"))
    return figure
