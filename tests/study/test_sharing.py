"""`share_gpu`: what is refused, how much memory each replicate has, and what jobs and estimates follow."""

from types import SimpleNamespace

import pytest
import torch
import yaml
from factories import cells, study

from noisegrid.common.errors import NoisegridError
from noisegrid.planning import estimate, plan
from noisegrid.planning.jobs import Jobs
from noisegrid.runtime import gpu_sharing
from noisegrid.runtime.hardware import memory_budget_gb
from noisegrid.study.resolve import load_study


@pytest.fixture
def shared(tmp_path):
    def write(share_gpu, *noise, task="smallcnn-digits", hardware="h100") -> str:
        document = study(cells(task, *noise, hardware=hardware, replicates=8))
        if share_gpu is not None:
            document["share_gpu"] = share_gpu
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(document))
        return str(tmp_path / "mine.yaml")

    return write


@pytest.mark.parametrize(("value", "remedy"), [(True, "write that number, such as share_gpu: 4"), (False, "remove")])
def test_a_truth_value_is_refused_with_the_remedy(shared, value, remedy):
    with pytest.raises(NoisegridError, match=f"number of replicates that train on one GPU at the same time; {remedy}"):
        load_study(shared(value, "algo", "control"))


def test_one_is_the_default_and_zero_is_refused(shared):
    assert load_study(shared(None, "algo")).share_gpu == 1
    assert load_study(shared(4, "algo", "control")).share_gpu == 4
    with pytest.raises(NoisegridError, match="share_gpu"):
        load_study(shared(0, "algo", "control"))


def test_sharing_must_be_verified_by_control(shared):
    with pytest.raises(NoisegridError, match="share_gpu: 4 needs noise control for task smallcnn-digits on h100"):
        load_study(shared(4, "algo"))
    load_study(shared(4, "algo", hardware="cpu"))  # nothing is shared on a CPU
    load_study(shared(1, "algo"))


def test_a_task_that_does_not_fit_its_part_is_refused(shared):
    assert memory_budget_gb(16, 1) == 16
    assert memory_budget_gb(16, 4) == 4 - 0.75
    with pytest.raises(NoisegridError, match="share_gpu: 30 each replicate on v100 has 0 GB; write a smaller"):
        load_study(shared(30, "algo", "control", hardware="v100"))


def test_jobs_and_hours_follow(shared, tmp_path):
    def made(number):
        config = {"study": shared(number, "algo", "control"), "results": str(tmp_path), "datasets": "datasets"}
        return plan.make({**config, "threads_per_job": 2})

    one, four = made(1), made(4)
    assert "--share-gpu" not in one.training_options and four.training_options[-2:] == ["--share-gpu", "4"]
    wildcards = SimpleNamespace(hardware="h100", chunk="smallcnn-digits/0-3")
    assert [Jobs(found).threads(16)(wildcards) for found in (one, four)] == [2, 4]
    hours = [estimate.estimates(found.study, tmp_path)[0].hours for found in (one, four)]
    assert hours[0] == pytest.approx(4 * hours[1])
    longest = [found.packing.longest_job_hours(estimate.estimates(found.study, tmp_path)[0]) for found in (one, four)]
    assert longest[0] == pytest.approx(4 * longest[1])  # 16 runs in one job, four at a time


def test_a_process_gets_its_part_of_the_memory(monkeypatch):
    asked = []
    monkeypatch.setattr(gpu_sharing, "_state", {})
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=16 * 1024**3))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *values: asked.append(values))
    gpu_sharing.share(1)
    gpu_sharing.limit()
    assert asked == [] and gpu_sharing.described() == {}
    gpu_sharing.share(4)
    assert asked == []  # CUDA is not touched before the fork
    gpu_sharing.limit()
    assert asked == [(3.25 / 16, 0)]
    assert gpu_sharing.described() == {"replicates_on_gpu": 4, "memory_limit_bytes": int(3.25 * 1024**3)}
