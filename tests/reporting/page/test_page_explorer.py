"""The explorer's chart: its points are the runs of metrics.csv."""

import pandas as pd
from factories import metrics_frame

from noisegrid.reporting.page.explorer import explorer


def with_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return metrics with three runs of each cell."""
    cells = frame[frame["metric"] == "accuracy_mean"]
    runs = [cells.assign(metric="accuracy", group=f"replicate {k}", value=90.0 + k, unit="percent") for k in range(3)]
    added = pd.concat([frame, *runs], ignore_index=True)
    return added.assign(noise=pd.Categorical(added["noise"], frame["noise"].cat.categories, ordered=True))


def values(chart: dict, key: str) -> list[dict]:
    """Return the data of the chart whose rows have a key."""
    (found,) = [each["values"] for each in chart["data"] if key in (each.get("values") or [{}])[0]]
    return found


def test_every_run_is_a_point():
    chart = explorer(with_runs(metrics_frame()))
    runs = values(chart, "run")
    assert len(runs) == 4 * 3
    assert {(run["noise"], run["run"], run["value"]) for run in runs} == {
        (noise, k, 90.0 + k) for noise in ("algo_impl", "algo", "impl", "control") for k in range(3)
    }
    assert all(0 <= run["place"] < 1 for run in runs)


def test_a_reader_picks_hardware_task_noise_and_metric():
    chart = explorer(with_runs(metrics_frame(("smallcnn-digits", "mine"))))
    picks = {signal["name"]: signal["bind"] for signal in chart["signals"] if "bind" in signal}
    assert picks["picked_task"]["labels"] == ["Small CNN on digits", "mine"]
    assert picks["picked_noise"]["options"] == ["all", "algo_impl", "algo", "impl", "control"]
    assert picks["picked_hardware"]["labels"] == ["CPU"] and picks["picked_metric"]["options"] == ["accuracy"]


def test_a_study_without_runs_has_no_explorer():
    assert explorer(metrics_frame()) is None
