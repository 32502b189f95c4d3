"""What a study file says reaches a shell as data only."""

import json
import re

import pytest
from conftest import ROOT, run, snakemake
from factories import cells, study, write_study

HOSTILE = [
    "x;touch PWNED;#",
    "$(touch PWNED)",
    "`touch PWNED`",
    "a b",
    "../../out",
    "x\n",
    "{threads}",
    "-rf",
    "a'b",
    "",
]


#: A network that passes the trial before any job, whose seed is 0, and fails in a job.
FAILS_IN_JOBS = """
import torch
from noisegrid.networks.paper import small_cnn
def net(classes, channels, size):
    if torch.initial_seed():
        raise ValueError('no such layer')
    return small_cnn(classes, channels, size, batch_norm=False)
"""


def hostile_study(place: str, name: str) -> dict:
    """Return a study in which one name is hostile."""
    if place == "study":
        return study(name=name)
    if place == "task":
        return study(cells(name), tasks={name: {"like": "smallcnn-digits"}})
    if place == "dataset":
        tasks = {"own": {"like": "smallcnn-digits", "dataset": name}}
        datasets = {name: {"read": "noisegrid.readers.images:digits", "classes": 10, "full_scale": 16}}
        return study(cells("own"), tasks=tasks, datasets=datasets)
    if place == "network":
        return study(overhead=[{"hardware": ["cpu"], "networks": [f"{name}:net"]}])
    return study(cells(hardware=f"cpu@{name}" if place == "stack" else name))


@pytest.mark.parametrize("place", ["study", "task", "dataset", "hardware", "stack", "network"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_in_one_sentence(tmp_path, place, name):
    from noisegrid.common.errors import NoisegridError
    from noisegrid.study.resolve import load_study

    if (place, name) == ("stack", ""):
        return  # `cpu@` is the plain name with nothing after it, which the next test runs
    (tmp_path / "study.json.yaml").write_text(json.dumps(hostile_study(place, name)))
    with pytest.raises(NoisegridError) as refused:
        load_study(str(tmp_path / "study.json.yaml"))
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["study.json.yaml"]


@pytest.mark.slow
def test_hostile_folders_and_study_paths_run_no_command(tmp_path):
    """Names of folders are the user's own; they are quoted, on the way to an error too (onerror)."""
    folder = tmp_path / "it's; touch PWNED $(touch PWNED)"
    folder.mkdir()
    (folder / "own.py").write_text(FAILS_IN_JOBS)
    tasks = {"own-digits": {"like": "smallcnn-digits", "network": "own:net"}}
    path = write_study(folder, study(cells("own-digits"), name="quoted", tasks=tasks))
    done = snakemake(folder, study=path, results=folder / "re'sults; touch PWNED")
    assert done.returncode != 0 and "no such layer" in done.stdout
    assert "quoted: 0 of 2 cells" in done.stdout, done.stdout
    assert not list(tmp_path.rglob("PWNED"))


def test_every_substitution_of_every_rule_is_quoted():
    for path in [*(ROOT / "workflow/rules").glob("*.smk"), ROOT / "Snakefile"]:
        shells = re.findall(r'^\s+(?:shell\()?"(.*)"\)?$', path.read_text(), re.M)
        commands = [line for line in shells if line.startswith((" --", "python", " {"))]
        for line in commands:
            assert all(part.endswith(":q") for part in re.findall(r"\{(.*?)\}", line)), (path, line)


def test_a_list_of_options_is_quoted_word_by_word(tmp_path):
    """Snakemake's own formatting, which the rules rely on."""
    (tmp_path / "Snakefile").write_text(
        "rule all:\n    params: ['--folder', \"it's a; touch PWNED\", '']\n"
        "    shell: \"printf '<%s>' {params[0]:q}\"\n"
        "\nrule words:\n    params: words=['--folder', \"it's a; touch PWNED\"], none=[]\n"
        "    shell: \"printf '<%s>' {params.words:q} {params.none:q}\"\n"
    )
    done = run("snakemake", "-c1", "words", cwd=tmp_path)
    assert "<--folder><it's a; touch PWNED>" in done.stdout and not (tmp_path / "PWNED").exists(), done.stdout


@pytest.mark.parametrize("key", ["results", "datasets", "containers"])
def test_a_folder_with_braces_is_refused_in_one_sentence(tmp_path, key):
    """Snakemake would take them for wildcards."""
    path = write_study(tmp_path, study())
    done = snakemake(tmp_path, "-n", study=path, **{key: "a{b}"})
    assert done.returncode == 1
    assert f"noisegrid: config: {key}:" in done.stdout and "no braces" in done.stdout, done.stdout
    assert "Traceback" not in done.stdout
