"""The overview: a bar for each noise, sorted, with words that need no key."""

import pandas as pd
import pytest
from factories import metrics_frame

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.figures_overview import figure_overview


def churn(**values: float) -> pd.DataFrame:
    """Return a frame in which each noise has this churn, in percent, with an interval of two points."""
    frame = metrics_frame(noise=tuple(values))
    of_churn = frame["metric"] == "churn"
    found = frame.loc[of_churn, "noise"].astype(str).map(values)
    frame.loc[of_churn, "value"], frame.loc[of_churn, "low"], frame.loc[of_churn, "high"] = found, found - 1, found + 1
    return frame


def rows_of(figure) -> list[str]:
    """Return the labels of the rows from top to bottom."""
    return [tick.get_text() for tick in figure.axes[0].get_yticklabels()][::-1]


def words_of(figure, panel: int = 0) -> list[str]:
    """Return what stands beside the bars from top to bottom."""
    texts = sorted(figure.axes[panel].texts, key=lambda text: -text.xy[1])
    return [text.get_text() for text in texts]


def test_rows_are_sorted_and_control_is_last():
    figure = figure_overview(churn(control=0.0, impl=0.0, algo=3.25, order=7.04))
    assert rows_of(figure) == ["data order", "all seeds", "implementation", "nothing"]
    assert words_of(figure) == ["7.0 %", "3.2 %", "0 %", "0 %"]
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0.0, 0.0, 3.25, 7.04]


def test_the_order_is_that_of_the_task_with_the_most_noises_and_gaps_are_said():
    many, few = churn(control=0.0, algo=3.0, order=2.0), churn(order=9.0, control=0.0)
    figure = figure_overview(pd.concat([few.assign(task="few"), many.assign(task="many")]))
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["many", "few"]
    assert rows_of(figure) == ["all seeds", "data order", "nothing"]
    assert words_of(figure, 1) == ["not measured", "9.0 %", "0 %"]


def test_without_churn_there_is_no_overview():
    frame = metrics_frame()
    with pytest.raises(NoisegridError, match="requires the churn"):
        figure_overview(frame[frame["metric"] != "churn"])
