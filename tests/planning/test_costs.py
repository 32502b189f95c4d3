"""What `noisegrid plan` says a study costs: by hand, and "not known" where nothing is known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import noisegrid
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.common.progress import duration, size
from noisegrid.planning import estimate, plan, site
from noisegrid.planning.costs import costs, document, total
from noisegrid.planning.storage import RECORD_BYTES, stored
from noisegrid.planning.summary import summary, too_long
from noisegrid.study.resolve import load_study


def made(folder: Path, settings: str = "{}") -> plan.Plan:
    """Return the plan of the study `paper` at a site with these settings."""
    path = folder / "site.yaml"
    path.write_text(settings)
    config = plan.make({"study": "paper", "results": str(folder / "results")}).config
    return plan.Plan(load_study("paper"), config, site=site.load_site(path))


def test_durations_and_sizes_in_words():
    words = [duration(seconds) for seconds in (38, 960, 5_969, 6_120, 14_400, 243_000, 10_296_000)]
    assert words == ["38 s", "16 min", "99 min", "1.7 h", "4 h", "67.5 h", "2,860 h"]
    sizes = [size(count) for count in (0, 85_400, 999_600, 3.59e9, 9.8e9, 22.3e9, 780e6, 4e6, 12e12)]
    assert sizes == ["0 kB", "85 kB", "1 MB", "3.6 GB", "9.8 GB", "22 GB", "780 MB", "4 MB", "12 TB"]


def test_a_task_by_hand(tmp_path):
    (one,) = [one for one in costs(made(tmp_path)).hardware if one.hardware == "v100_32gb"]
    (task,) = one.tasks
    hours = 90 * 31_400 / (15.7 * 0.35) / 3600  # epochs, TFLOP per epoch, speed
    assert task.hours_each == pytest.approx(hours) and task.hours == pytest.approx(20 * hours)
    # two weight vectors; of 50,000 examples the number, the label, and two times a thousand logits
    each = 2 * 102.4e6 + 50_000 * (4 + 4 + 2 * 4 * 1000) + RECORD_BYTES
    assert task.bytes == 20 * each
    assert task.files == 20 * 5 + 20 * 2  # five files of a replicate, two of a job
    assert (task.memory_gb, task.cells, task.replicates, task.jobs) == (22.3, 4, 20, 20)
    asked = {"gpus": 1, "gpu": "v100", "cores": 2, "memory_mb": 16000, "minutes": 240}
    assert one.asks == asked | {"partition": None, "account": None}


@pytest.mark.slow
def test_a_replicate_on_disk_has_the_size_that_was_computed(undisturbed):
    found = load_study(str(undisturbed / "long.yaml"))
    planned = stored(found, "cpu", "long-digits", undisturbed / "results")
    (folder,) = undisturbed.glob("results/long/replicates/cpu/long-digits/control/0")
    files = list(folder.iterdir())
    assert planned.files == len(files)
    assert planned.bytes == pytest.approx(sum(path.stat().st_size for path in files), rel=0.05)


def test_without_logits_and_weights_a_replicate_has_predictions_alone(tmp_path):
    path = write_study(tmp_path, study(keep=[]))
    found = stored(load_study(str(path)), "cpu", "smallcnn-digits", tmp_path)
    assert (found.bytes, found.files) == (597 * (4 + 4 + 2 * 2) + RECORD_BYTES, 3)


def test_an_own_network_has_the_size_of_its_first_replicate(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("def net(classes, channels, size): ...\n")
    tasks = {"own-digits": {"like": "smallcnn-digits", "network": "own:net"}}
    path = write_study(tmp_path, study(cells("own-digits"), tasks=tasks))
    found = load_study(str(path))
    assert stored(found, "cpu", "own-digits", tmp_path).bytes is None
    folder = tmp_path / "mine/replicates/cpu/own-digits/algo/1"
    folder.mkdir(parents=True)
    for name, count in (("record.json", 300), ("weights.npy", 5000)):
        (folder / name).write_bytes(b"x" * count)
    assert stored(found, "cpu", "own-digits", tmp_path).bytes == 5300


def test_a_cpu_is_estimated_for_readers_and_not_for_jobs(tmp_path):
    found = load_study(str(write_study(tmp_path, study(cells("smallcnn-digits", hardware="cpu")))))
    (line,) = estimate.estimates(found, tmp_path)
    # 12 epochs of 0.000872 TFLOP at 0.025 TFLOP/s, and of 10 steps of 49 operators
    seconds = 12 * (0.000872 / 0.025 + 10 * 49 * 50e-6)
    assert line.pace == estimate.Pace(pytest.approx(seconds / 3600), 1, measured=False)
    assert estimate.pace(found, "cpu", "smallcnn-digits", tmp_path) is None  # by which jobs are packed
    text = summary(plan.make({"study": str(tmp_path / "mine.yaml"), "results": str(tmp_path)}))
    assert "device time: ~3 s\n" in text and "~ estimated, within a factor of about two at best" in text  # 4 replicates


def test_what_is_not_known_is_not_zero(tmp_path):
    path = write_study(tmp_path, study(cells("smallcnn-digits", hardware="cpu_sse41")))
    made_here = plan.make({"study": str(path), "results": str(tmp_path)})
    text = summary(made_here)
    assert "device time: not known\n" in text and "`snakemake pilot` measures" in text
    assert "0 s" not in text and " 0 h" not in text
    assert document(costs(made_here))["device_hours"] is None
    assert total([1.0, None]) is None and total([1.5, 2.5]) == 4 and total([]) == 0


def test_a_part_that_is_known_is_a_lower_bound(tmp_path):
    blocks = cells("smallcnn-digits", hardware="cpu_sse41"), cells("resnet18-cifar10", hardware="v100")
    path = write_study(tmp_path, study(*blocks))
    text = summary(plan.make({"study": str(path), "results": str(tmp_path)}))
    # 4 replicates of 200 epochs of 167 TFLOP at 35 % of 15.7 TFLOP/s
    assert "device time: at least ~6.8 h; 1 of 2 are not known" in text


def test_prices_and_partitions_are_those_of_the_site(tmp_path):
    settings = "partition: {v100: old}\nprice_per_hour: {v100: 0.5, p100: 0.25}\ncurrency: EUR\nminutes_per_job: 90\n"
    found = costs(made(tmp_path, settings))
    by_name = {one.hardware: one for one in found.hardware}
    v100, p100 = by_name["v100"], by_name["p100"]
    assert v100.price == v100.hours * 0.5 and p100.price == p100.hours * 0.25 and by_name["rtx5000"].price is None
    text = summary(made(tmp_path, settings), found)
    assert (
        "a job asks for 1 GPU (v100), 2 cores, 16 GB of memory, 90 min, partition old; stack torch2.7-cu126\n" in text
    )
    assert f"  price: {v100.price:,.0f} EUR\n" in text
    assert f"  price: at least {v100.price + p100.price:,.0f} EUR; 3 of 5 are not known" in text


@pytest.mark.parametrize("wrong", ["price_per_hour: cheap", "price_per_hour: {v100: -1}", "currency: 12"])
def test_a_price_that_is_none_is_refused(tmp_path, wrong):
    with pytest.raises(NoisegridError, match=wrong.partition(":")[0]):
        made(tmp_path, wrong)


def test_the_numbers_as_json(tmp_path):
    done = noisegrid("plan", "paper", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (found["cells"], found["replicates"]) == (40, 380) and f"{found['device_hours']:.3g}" == "3.39e+03"
    assert [one["name"] for one in found["hardware"]][:3] == ["v100", "v100_32gb", "p100"]
    assert found["hardware"][1]["tasks"][0]["memory_gb"] == 22.3 and found["price"] is None


@pytest.mark.parametrize(
    ("hours", "measured", "words"),
    [
        (3.9, False, None),
        (
            4.4,
            False,
            "takes about 4.4 h, or twice as long, more than the 4 h of its first attempt; the next ones ask for 8 h",
        ),
        (13.0, True, "takes about 13 h, more than the 4 h of its first attempt"),
        (13.0, False, "takes about 13 h, or twice as long, but its 3 attempts have 24 h in total"),
        (25.0, True, "takes about 25 h, but its 3 attempts have 24 h in total"),
    ],
)
def test_a_job_that_outlasts_its_attempts_is_noted(tmp_path, hours, measured, words):
    """A job that asks for 4 h asks for 8 h and 12 h when it is repeated: 24 h in all."""
    one = costs(made(tmp_path)).hardware[0]
    note = too_long(one, replace(one.tasks[0], hours_of_job=hours, is_measured=measured))
    assert words in note if words else note == ""
