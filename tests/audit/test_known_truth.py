"""Each script has one mistake, which is named; scripts that look like them and have none are called clean."""

import re
from pathlib import Path

import pytest

from noisegrid.audit.command import arguments_of
from noisegrid.audit.evidence import Evidence, gathered
from noisegrid.audit.findings import NAMES, findings
from noisegrid.audit.observation import CONTENTS, DATA_ORDER, INITIAL, MASKS
from noisegrid.audit.runs import Runs, Servers
from noisegrid.audit.sentences import as_markdown

SCRIPTS = Path(__file__).resolve().parent / "scripts"

#: For each script, the findings as (rule, thing), and words of the first sentence.
TRUTH = {
    "average_not_resumed": ([("not resumed", "averages")], "averaged weights (EMA)"),
    "autotune": ([("autotune", "kernels")], "torch.backends.cudnn.benchmark is on"),
    "drop_last": ([("drop_last", DATA_ORDER)], "leaves 4 of 24 examples out of every epoch"),
    "dropout_seed_leaks": ([("leaks", DATA_ORDER)], "`dropout_seed` leaks into the order of the examples"),
    "evaluation_draws": (
        [("evaluation draws", "generators")],
        "the evaluation's DataLoader draws a seed from PyTorch's generator",
    ),
    "fixed_generator": ([("seed does not reach", DATA_ORDER)], "Its generator has the seed 42 in both"),
    "last_batch_of_one": ([("last batch of one", "evaluation")], "a batch of one example beside batches of 8"),
    "logging_draws": ([("draws between steps", "generators")], "`show_example` draws from PyTorch's generator"),
    "no_worker_init": (
        [("same in every worker", CONTENTS), ("same in every epoch", CONTENTS), ("every worker reads all", DATA_ORDER)],
        "workers of a DataLoader start with the same state of `dataset.rng`",
    ),
    "numpy_in_workers": (
        [("same in every worker", CONTENTS), ("same in every epoch", CONTENTS)],
        "workers of a DataLoader start with the same state of `dataset.rng`",
    ),
    "one_generator_for_two": ([("shared generator", DATA_ORDER)], "one generator serves two DataLoaders"),
    "random_states_not_resumed": ([("not resumed", "random states")], "other batches follow"),
    "ranks_with_one_seed": ([("ranks", MASKS)], "ranks 0 and 1 have the same state of PyTorch's generator"),
    "resuming_fails": ([("not resumed", "checkpoint")], "a run cannot go on from its checkpoint: resuming_fails:train"),
    "same_augmentation": ([("same in every epoch", CONTENTS)], "the augmentation of an example is the same in every"),
    "schedule_not_resumed": (
        [("not resumed", "schedule"), ("not resumed", "optimiser")],
        "lr is 0.1 instead of 0.05",
    ),
    "seeded_in_every_epoch": (
        [("same in every epoch", CONTENTS), ("same in every epoch", DATA_ORDER)],
        "so the same augmentation is drawn in every epoch. torch.manual_seed(0) is called",
    ),
    "seed_after_network": ([("does not repeat", INITIAL)], "torch.manual_seed is called after the network is made"),
    "seed_does_not_reach_workers": (
        [("seed does not reach", CONTENTS), ("same in every epoch", CONTENTS)],
        "`seed` does not reach the augmentation",
    ),
    "seed_does_nothing": ([("seed does nothing", "seed")], "torch.manual_seed gets 1234 in both"),
    "set_order": ([("PYTHONHASHSEED", CONTENTS)], "iterates over a set or uses hash()"),
    "time_seed": ([("does not repeat", INITIAL)], "torch.manual_seed gets another value in each run"),
    "unseeded_generator": ([("does not repeat", DATA_ORDER)], "the DataLoader's generator has the seed"),
    "unseeded_augmentation": ([("does not repeat", CONTENTS)], "Call random.seed(seed)"),
}
CLEAN = (
    "clean_everything",
    "clean_plain_loop",
    "clean_ranks",
    "clean_resume",
    "clean_seeds",
    "clean_worker_init",
)


@pytest.fixture(scope="module")
def servers():
    """Processes for the runs of all audits."""
    with pytest.MonkeyPatch.context() as patch, Servers() as found:
        patch.chdir(SCRIPTS)
        found.start("0")
        yield found


@pytest.fixture
def audited(servers, monkeypatch):
    """Return the function that gathers the evidence about a script's function `train`."""

    def evidence(script: str, steps: int = 20) -> Evidence:
        monkeypatch.chdir(SCRIPTS)
        monkeypatch.syspath_prepend(SCRIPTS)
        seeds, resumable = arguments_of(f"{script}:train")
        return gathered(Runs(f"{script}:train", seeds, servers, resumable, steps))

    return evidence


@pytest.mark.slow
@pytest.mark.parametrize("script", TRUTH)
def test_the_mistake_is_named(audited, script):
    found = findings(audited(script))
    expected, words = TRUTH[script]
    assert [(one.rule, one.thing) for one in found] == expected
    assert words in found[0].sentence


@pytest.mark.slow
def test_a_comment_has_a_sentence_the_findings_and_a_table(audited):
    evidence = audited("drop_last")
    lines = as_markdown("drop_last:train", evidence, findings(evidence)).splitlines()
    assert lines[0] == "**drop_last:train, 6 steps: 1 finding**"
    assert lines[2].startswith("- drop_last leaves 4 of 24 examples out of every epoch")
    assert lines[4].startswith("| what differs under | other seed | same seeds | PYTHONHASHSEED |")
    assert lines[6].startswith("| initial weights | yes | no | no |")
    assert "Notes" in lines


@pytest.mark.slow
@pytest.mark.parametrize("script", CLEAN)
def test_what_has_no_mistake_is_clean(audited, script):
    assert findings(audited(script)) == []


def test_every_rule_of_a_finding_has_its_name():
    assert {rule for found, _ in TRUTH.values() for rule, _ in found} <= set(NAMES)
    rules = (SCRIPTS.parents[2] / "docs/audit.md").read_text().partition("## The rules")[2]
    cells = [line.split("|")[1] for line in rules.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([^`]+)`", "".join(cells))) == set(NAMES)


def test_every_script_is_tried():
    assert {path.stem for path in SCRIPTS.glob("*.py")} == {*TRUTH, *CLEAN, "training"}
