"""Draw figure_across: noise between two kinds of hardware next to noise on the same hardware."""

import pandas as pd
from matplotlib.figure import Figure

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.figure_parts import caption, cell_title, draw_estimate, finish, panels, stacked
from noisegrid.reporting.figures_noise import measured
from noisegrid.reporting.titles import TIMES, noise_title


def figure_across(frame: pd.DataFrame) -> Figure:
    """Draw churn and L2 between two kinds of hardware, next to churn and L2 between replicates on the same hardware.

    Between two kinds of hardware, each replicate is compared with the replicate that has the same seeds.

    Raises
    ------
    NoisegridError
        If no task was measured on more than one kind of hardware.
    """
    across = frame[frame["metric"].isin(["churn_across_hardware", "l2_unit_across_hardware"])]
    if across.empty:
        raise NoisegridError("figure_across requires a task on more than one kind of hardware")
    within = frame[frame["metric"].isin(["churn", "l2_unit"]) & frame["noise"].isin(across["noise"].unique())]
    both = pd.concat([within, across.assign(metric=across["metric"].str.removesuffix("_across_hardware"))])
    both = both[both["task"].isin(across["task"])].assign(pair=lambda rows: rows["hardware"].str.contains(TIMES))
    both = both.sort_values(["task", "pair", "hardware", "noise"], kind="stable")
    shown = {
        (str(task), str(hardware)): list(dict.fromkeys(part["noise"]))
        for (task, hardware), part in both.groupby(["task", "hardware"], sort=False, observed=True)
    }
    blocks = stacked((cell_title(*key, frame), map(noise_title, noises)) for key, noises in shown.items())
    measures = measured(both, ("churn", "l2_unit"))
    figure, axes = panels(len(measures), blocks)
    for axis, (metric, label) in zip(axes, measures.items(), strict=True):
        data = both[both["metric"] == metric].set_index(["task", "hardware", "noise"])
        for block, (key, noises) in zip(blocks, shown.items(), strict=True):
            for row, noise in zip(block.rows, noises, strict=True):
                if (*key, noise) in data.index:
                    draw_estimate(axis, data.loc[(*key, noise)], row, noise)
        finish(axis, label, blocks, metric)
    caption(figure, frame, [])
    return figure
