"""Studies: what they expand to, and one clear message for every way of getting them wrong."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import WORKFLOW
from noisegrid.planning import plan, preflight
from noisegrid.planning.summary import summary
from noisegrid.study.chunk import Chunk, chunk_of
from noisegrid.study.recipes import least_memory_gb, resolve_tasks
from noisegrid.study.resolve import load_study
from noisegrid.study.seeds import derive_seeds
from noisegrid.study.sources import FREE, SOURCES


def write(folder: Path, change) -> str:
    """Write a study of two cells after changing it, and return its path."""
    document = study(cells(replicates=3))
    change(document)
    (folder / "mine.yaml").write_text(yaml.safe_dump(document))
    return str(folder / "mine.yaml")


def config(study: str, **more) -> dict:
    return {"study": study, "results": "results", "datasets": "datasets", **more}


def test_quick_has_its_cells():
    study = load_study("quick")
    assert len(study.cells) == 18
    assert sum(cell.replicates for cell in study.cells) >= 160
    assert study.cells[0].path == "cpu/smallcnn-digits/algo_impl"


def test_every_shipped_study_and_task_is_valid():
    assert resolve_tasks({}, "catalog")
    for path in (WORKFLOW / "studies").glob("*.yaml"):
        assert load_study(path.stem).name == path.stem


def test_a_cell_with_ten_replicates_that_holds_seeds_has_five_seed_sets_by_default(tmp_path):
    noise = ["algo_impl", "algo", "impl", "control", "init", "order", "augment", "in_batch_order", "one_ulp"]

    def seed_sets(**block) -> dict[str, int]:
        path = write(tmp_path, lambda d: d["cells"][0].update(noise=noise, **block))
        return {cell.noise: cell.seed_sets for cell in load_study(path).cells}

    held = set(noise) - {"algo_impl", "algo"}  # these leave all algorithmic sources free, and hold no seeds
    for replicates in (10, 12, 100):
        assert seed_sets(replicates=replicates) == {name: 5 if name in held else 1 for name in noise}
    for fixed in ({"replicates": 9}, {"replicates": 2}, {"replicates": 10, "seed_sets": 1}):
        assert set(seed_sets(**fixed).values()) == {1}
    assert set(seed_sets(replicates=10, seed_sets=2).values()) == {2}


def test_the_default_seed_sets_have_two_replicates_each_and_their_own_seeds():
    (cell,) = [cell for cell in load_study("quick").cells if cell.path == "cpu/smallcnn-digits/impl"]
    seeds = [derive_seeds(1, cell.task, cell.noise, number, cell.seed_sets) for number in range(cell.replicates)]
    assert [seeds[k]["init"] == seeds[k + 5]["init"] for k in range(5)] == [True] * 5
    assert len({one["init"] for one in seeds}) == 5 and len({one["impl"] for one in seeds}) == 10


def test_the_shipped_studies_have_the_default_and_upgrade_stays_as_its_results_are():
    sets = {name: {c.seed_sets for c in load_study(name).cells} for name in ("quick", "fashion", "paper", "upgrade")}
    assert sets == {"quick": {1, 5}, "fashion": {1, 5}, "paper": {1, 5}, "upgrade": {1}}
    imagenet = [cell for cell in load_study("paper").cells if cell.task == "resnet50-imagenet"]
    assert {cell.seed_sets for cell in imagenet} == {1}  # five replicates


def test_noise_sources_partition():
    assert FREE["algo"] | FREE["impl"] == FREE["algo_impl"] == set(SOURCES)
    assert FREE["algo"].isdisjoint(FREE["impl"])
    assert not FREE["control"]


def test_recipe_is_the_papers():
    task = resolve_tasks({}, "catalog")["smallcnn-cifar10"]
    assert (task["epochs"], task["batch_size"], task["optimizer"]["learning_rate"]) == (200, 128, 4e-4)
    assert task["schedule"] == [[50, 0.1], [100, 0.01]]
    resnet = resolve_tasks({}, "catalog")["resnet18-cifar10"]
    assert resnet["schedule"] == [[50, 0.1], [100, 0.01], [150, 0.001]]
    assert (resnet["pixels"], resnet["augment"]) == ("standardise", {"pad": 4, "flip": True})


def test_memory_is_not_inherited_by_another_batch_size():
    own = {"half": {"like": "resnet50-imagenet", "batch_size": 128}, "same": {"like": "resnet50-imagenet", "epochs": 9}}
    tasks = resolve_tasks(own, "mine.yaml")
    assert "memory_gb" not in tasks["half"] and tasks["same"]["memory_gb"]["fp32"] == 22.3


@pytest.mark.parametrize(
    ("stated", "precision", "need"),
    [
        ({"memory_gb": 3}, "amp_bf16", 3.0),  # one number holds in every precision
        ({"memory_gb": {"fp32": 3, "amp_bf16": 1.5}}, "amp_bf16", 1.5),
        ({"memory_gb": {"fp32": 3}}, "amp_bf16", 0.0),  # unknown
        ({}, "fp32", 0.0),
    ],
)
def test_the_least_memory_depends_on_the_precision(stated, precision, need):
    assert least_memory_gb(stated, precision) == need


def test_a_task_that_fits_in_mixed_precision_alone_is_refused_in_fp32(tmp_path):
    """ResNet-50 with batch 256 on an RTX 5000 of 16 GB: 22.3 GB in fp32, 11.4 GB with fp16."""
    amp, fp32 = (study(cells("resnet50-imagenet", "algo", hardware=name)) for name in ("rtx5000_amp", "rtx5000"))
    assert len(load_study(str(write_study(tmp_path, amp))).cells) == 1
    with pytest.raises(NoisegridError, match=r"needs at least 22.3 GB of device memory, but rtx5000 has 16 GB"):
        load_study(str(write_study(tmp_path, fp32)))


def test_digest_follows_settings_and_not_words(tmp_path):
    def cell(change):
        return load_study(write(tmp_path, change)).cells[0]

    plain = cell(lambda d: None)
    assert cell(lambda d: d.update(description="other words", name="t")).digest == plain.digest
    assert cell(lambda d: d.update(seed=2)).digest != plain.digest


def test_an_edited_network_of_ones_own_is_another_cell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own_edited.py"

    def cell(text):
        own.write_text(f"def net(classes, channels, size):\n    return {text}\n")
        task = {"like": "smallcnn-digits", "network": "own_edited:net"}
        change = lambda d: (d.update(tasks={"own": task}), d["cells"][0].update(tasks=["own"]))  # noqa: E731
        return load_study(write(tmp_path, change)).cells[0]

    relu = cell("relu")
    assert cell("relu").digest == relu.digest != cell("gelu").digest


def job(rule: str, **wildcards: str) -> SimpleNamespace:
    return SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards_dict=wildcards)


def test_a_machine_must_be_ready_for_what_is_to_be_done_and_no_more(tmp_path):
    """A study for a GPU, on a machine without: its figures can be drawn, its replicates cannot be trained."""
    path = write(tmp_path, lambda d: d["cells"][0].update(hardware=["h200"]))
    made = plan.make(config(path, results=str(tmp_path / "results")))
    drawing = preflight.work_of(made, [job("draw_figures"), job("collect_metrics")])
    preflight.check_machine(made, drawing, local=True)
    training = preflight.work_of(made, [job("train_replicates", hardware="h200", chunk="smallcnn-digits/0-9")])
    assert training.cells == list(made.study.cells) and training.hardware == ["h200"]
    with pytest.raises(NoisegridError, match="hardware h200 requires GPU model H200"):
        preflight.check_machine(made, training, local=True)
    preflight.check_machine(made, training, local=False)  # the nodes have it
    assert preflight.work_of(made, [job("prepare_dataset", dataset="digits")]).datasets == ["digits"]


def test_the_first_that_is_amiss_is_told_in_the_studys_order():
    made = plan.make(config("paper"))
    everything = preflight.all_of(made)
    jobs = [job("prepare_dataset", dataset=name) for name in everything.datasets]
    jobs += [job("time_networks", hardware=name) for name in everything.timed]
    assert preflight.work_of(made, reversed(jobs)).datasets == everything.datasets
    assert preflight.work_of(made, reversed(jobs)).timed == everything.timed


def test_ten_thousand_replicates_of_one_noise_source_are_some_hundred_jobs(tmp_path):
    path = write(tmp_path, lambda d: d["cells"][0].update(replicates=10_000))
    names = [chunk.name for chunk in plan.make(config(path)).packing.chunks("cpu")]
    assert len(names) == 295 and (names[0], names[-1]) == ("smallcnn-digits/0-33", "smallcnn-digits/9996-9999")


def test_a_job_that_its_attempts_cannot_finish_is_noted_in_the_plan():
    lines = summary(plan.make(config("paper"))).splitlines()
    first, note = [line for line in lines if line.startswith("note: ")]
    assert "a job of resnet18-celeba on v100 takes about 4.4 h, or twice as long, more than the 4 h" in first
    # 2,860 device-hours in 20 jobs; 4, 8 and 12 hours
    assert "a job of resnet50-imagenet on v100_32gb takes about 143 h" in note
    assert "its 3 attempts have 24 h in total on SLURM" in note


def test_a_job_of_one_source_does_not_change_with_another_source(tmp_path):
    one = plan.make(config(write(tmp_path, lambda d: None)))
    two = plan.make(config(write(tmp_path, lambda d: d["cells"][0].update(noise=["algo", "control", "impl"]))))
    digests = [
        [made.chunk_digest("cpu", f"smallcnn-digits/{name}") for made in (one, two)] for name in ("algo.0-0", "0-0")
    ]
    assert digests[0][0] == digests[0][1] and digests[1][0] != digests[1][1]
    work = preflight.work_of(one, [job("train_replicates", hardware="cpu", chunk="smallcnn-digits/algo.0-0")])
    assert [cell.noise for cell in work.cells] == ["algo"]


def test_chunks_cover_every_replicate_once(tmp_path):
    path = write(tmp_path, lambda d: d["cells"][0].update(replicates=7))
    made = plan.make(config(path, replicates_per_job=3))
    assert [chunk.name for chunk in made.packing.chunks("cpu")] == [
        f"smallcnn-digits/{n}" for n in ("0-2", "3-5", "6-6")
    ]


def test_on_one_machine_a_single_job_trains_everything_on_the_cpu():
    """GPU jobs stay as they are on a cluster, because several GPUs can share them."""
    quick, paper = (plan.make(config(name, job_per="device")) for name in ("quick", "paper"))
    (chunk,) = quick.packing.chunks("cpu")
    assert chunk.name == "0-26" and quick.cells_of("cpu", "0-26") == list(quick.study.cells)
    assert {quick.chunk_files(*names)[0] for names in quick.study.tasks} == {"results/quick/chunks/cpu/0-26.json"}
    assert paper.packing.chunks("v100") == plan.make(config("paper")).packing.chunks("v100")
    few = plan.make(config("quick", job_per="device", replicates_per_job=4))
    assert [chunk.name for chunk in few.packing.chunks("cpu")] == [
        "0-3",
        "4-7",
        "8-11",
        "12-15",
        "16-19",
        "20-23",
        "24-26",
    ]


def test_what_a_cluster_has_trained_is_not_packed_again_on_one_machine(tmp_path):
    settings = {"results": str(tmp_path), "replicates_per_job": 5}
    by_task = plan.make(config("quick", **settings, job_per="task"))
    files = [Path(path) for names in by_task.study.tasks for path in by_task.chunk_files(*names)]
    for path in files[1:]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    here = plan.make(config("quick", **settings, job_per="device"))
    assert [chunk.name for chunk in here.packing.chunks("cpu")] == [
        "0-4",
        "5-9",
        "10-14",
        "15-19",
        "20-24",
        "25-26",
    ]  # one job of the cluster is missing
    files[0].touch()
    here = plan.make(config("quick", **settings, job_per="device"))
    assert here.packing.chunks("cpu") == by_task.packing.chunks("cpu")


def test_a_chunks_name_says_what_it_holds():
    for name in ("0-9", "a-b.c/0-9", "a-b.c/algo_impl.10-12"):
        assert chunk_of(name).name == name
    one = chunk_of("task/algo.1-2")
    assert one == Chunk(1, 2, "task", "algo") and list(one.numbers) == [1, 2]
    assert one.holds("task") and one.holds("task", "algo")
    assert not one.holds("task", "impl") and not one.holds("other") and not one.holds("other", "algo")
    assert chunk_of("task/0-9").holds("task", "impl") and not chunk_of("task/0-9").holds("other", "impl")
    assert chunk_of("0-9").holds("any", "impl")
    for wrong in ("", "0", "0-", "a-b", "algo.0-1", "task/Algo.0-1", "a/b/0-1", "../0-1", "task/algo..0-1"):
        with pytest.raises(NoisegridError, match="is not a chunk"):
            chunk_of(wrong)


WRONG = {
    "misspelt key": (lambda d: d.update(cels=[]), "unknown key 'cels'; did you mean 'cells'?"),
    "missing key": (lambda d: d.pop("seed"), "the key 'seed' is missing"),
    "wrong type": (lambda d: d.update(seed="one"), "seed: 'one' is not a whole number"),
    "unknown noise": (lambda d: d["cells"][0].update(noise=["algos"]), "unknown noise 'algos'; did you mean 'algo'?"),
    "unknown task": (lambda d: d["cells"][0].update(tasks=["smalcnn-digits"]), "did you mean 'smallcnn-digits'?"),
    "too little memory": (
        lambda d: d["cells"][0].update(hardware=["v100"], tasks=["resnet50-imagenet"]),
        "task resnet50-imagenet needs at least 22.3 GB of device memory, but v100 has 16 GB",
    ),
    "unknown hardware": (
        lambda d: d["cells"][0].update(hardware=["cpus"]),
        "unknown hardware 'cpus'; did you mean 'cpu'?",
    ),
    "zero replicates": (lambda d: d["cells"][0].update(replicates=0), "0 is less than the minimum of 2"),
    "negative replicates": (lambda d: d["cells"][0].update(replicates=-3), "-3 is less than the minimum of 2"),
    "one replicate": (lambda d: d["cells"][0].update(replicates=1), "a spread needs at least two"),
    "cell twice": (
        lambda d: d["cells"].append(d["cells"][0]),
        "cells[1]: the cell cpu/smallcnn-digits/algo is named twice",
    ),
    "source that is not there": (
        lambda d: d["cells"][0].update(noise=["dropout"]),
        "task smallcnn-digits has no dropout, so noise 'dropout' would measure nothing",
    ),
    "unknown network": (
        lambda d: (
            d.update(tasks={"x": {"like": "smallcnn-digits", "network": "smallcn"}})
            or d["cells"][0].update(tasks=["x"])
        ),
        "unknown network 'smallcn'; did you mean 'smallcnn'?",
    ),
    "unknown dataset": (
        lambda d: (
            d.update(tasks={"x": {"like": "smallcnn-digits", "dataset": "digit"}}) or d["cells"][0].update(tasks=["x"])
        ),
        "unknown dataset 'digit'; did you mean 'digits'?",
    ),
    "unknown recipe key": (
        lambda d: d.update(tasks={"x": {"like": "smallcnn-digits", "epoch": 3}}),
        "tasks.x: unknown key 'epoch'; did you mean 'epochs'?",
    ),
    "a number that YAML reads as text": (
        lambda d: d.update(tasks={"x": {"like": "smallcnn-digits", "dropout": "1e-1"}}),
        "write it as 1.0e-01 (YAML reads 1e-1 as text)",
    ),
    "like in a circle": (
        lambda d: d.update(tasks={"x": {"like": "y"}, "y": {"like": "x"}}),
        "`like` is circular (x -> y -> x)",
    ),
    "taken name": (lambda d: d.update(tasks={"smallcnn-digits": {"epochs": 3}}), "already in the catalog"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_study_gets_one_clear_message(what, tmp_path):
    change, message = WRONG[what]
    path = write(tmp_path, change)
    with pytest.raises(NoisegridError) as error:
        load_study(path)
    assert message in str(error.value)
    assert "mine.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_wrong_config_gets_one_clear_message(tmp_path):
    for wrong, message in [
        (config("quik"), "unknown study 'quik'; did you mean 'quick'?"),
        (config("no/such.yaml"), "there is no file no/such.yaml"),
        (config("quick", result="x"), "unknown key 'result'; did you mean 'results'?"),
        (config("quick", replicates_per_job="ten"), "replicates_per_job: 'ten' is not a whole number or null"),
        (config("quick", dataset_folders={"mnist": "x"}), "unknown dataset 'mnist'; did you mean 'fashion_mnist'?"),
        (config("fashion", dataset_folders={"fashion_mnist": "/no/such"}), "there is no folder /no/such"),
        (config("fashion", dataset_folders={"fashion_mnist": str(tmp_path)}), "lacks train-images-idx3-ubyte.gz"),
    ]:
        with pytest.raises(NoisegridError) as error:
            made = plan.make(wrong)
            preflight.check_machine(made, preflight.all_of(made), local=True)
        assert message in str(error.value)


def test_broken_yaml_names_the_file(tmp_path):
    (tmp_path / "broken.yaml").write_text("name: [")
    with pytest.raises(NoisegridError, match=r"broken\.yaml is not valid YAML"):
        load_study(str(tmp_path / "broken.yaml"))


def test_the_counterpart_without_batch_norm_is_a_field_and_not_a_name(tmp_path):
    tasks = {
        "a-digits": {"like": "smallcnn-digits", "epochs": 1},
        "b-digits": {"like": "smallcnn_bn-digits", "epochs": 1, "without_batch_norm": "a-digits"},
        "smallcnn_bn-mine": {"like": "smallcnn_bn-digits", "epochs": 1},
    }
    resolved = resolve_tasks(tasks, "test")
    assert resolved["smallcnn_bn-digits"]["without_batch_norm"] == "smallcnn-digits"
    assert resolved["b-digits"]["without_batch_norm"] == "a-digits"
    assert "without_batch_norm" not in resolved["smallcnn_bn-mine"]  # that of another task is not inherited
    with pytest.raises(NoisegridError, match=r"tasks\.c\.without_batch_norm: unknown task 'a-digit'; did you mean"):
        resolve_tasks(tasks | {"c": {"like": "b-digits", "without_batch_norm": "a-digit"}}, "test")
    cells = load_study("quick").cells
    assert {cell.task: cell.without_batch_norm for cell in cells} == {
        "smallcnn-digits": "",
        "smallcnn_bn-digits": "smallcnn-digits",
        "smallcnn_dropout-digits": "",
    }
    assert all("without_batch_norm" not in cell.settings["task"] for cell in cells)  # it changes no result
