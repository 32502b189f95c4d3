"""The adapters, with the real Trainers of Lightning and of Hugging Face, and the examples of docs/audit.md."""

import inspect
import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from noisegrid.audit import sentences
from noisegrid.audit.adapters import function, lightning_fit, transformers_train
from noisegrid.audit.command import arguments_of
from noisegrid.audit.evidence import Evidence, gathered
from noisegrid.audit.findings import findings
from noisegrid.audit.generators import global_states
from noisegrid.audit.observation import DATA_ORDER, INITIAL, MASKS
from noisegrid.audit.runs import Runs, Servers
from noisegrid.common.errors import NoisegridError

HERE = Path(__file__).resolve().parent
#: The examples of the page, in their order, by the names that this file gives them.
EXAMPLES = ("page_plain", "page_lightning", "page_random_states", "page_transformers")

#: For each function, the findings as (rule, thing), and words of the first sentence.
TRUTH = {
    "page_lightning": ([("not resumed", "random states")], "other batches follow"),
    "lightning_seed_after_module": ([("does not repeat", INITIAL)], "is called after the network is made"),
    "lightning_callback_not_saved": ([("not resumed", "averages")], "averaged weights (EMA)"),
    "transformers_seed_after_model": ([("does not repeat", INITIAL)], "is called after the network is made"),
    "transformers_default_seed": (
        [("seed does not reach", DATA_ORDER), ("seed does not reach", MASKS)],
        "torch.manual_seed gets 42 in both (transformers_default_seed.py:13): call it with the argument",
    ),
    "transformers_evaluation": ([("evaluation draws", "generators")], "the evaluation's DataLoader draws a seed"),
}
CLEAN = ("page_plain", "page_random_states", "page_transformers", "lightning_validation")


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """A folder with a user's files and the examples of the page."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(HERE / "scripts/training.py", folder)
    shutil.copytree(HERE / "trainers", folder, dirs_exist_ok=True)
    section = (ROOT / "docs/audit.md").read_text().partition("## Lightning, and Hugging Face's Trainer")[2]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    for name, code in zip(EXAMPLES, blocks, strict=True):
        (folder / f"{name}.py").write_text(code)
    return folder


@pytest.fixture(scope="module")
def audited(own):
    """Return the function that gathers the evidence about a module's function `train`, of each once."""
    found: dict[str, Evidence] = {}

    def evidence(name: str) -> Evidence:
        if name not in found:
            seeds, resumable = arguments_of(f"{name}:train")
            found[name] = gathered(Runs(f"{name}:train", seeds, servers, resumable, 20))
        return found[name]

    with pytest.MonkeyPatch.context() as patch, Servers(["lightning", "transformers.trainer"]) as servers:
        patch.chdir(own)
        patch.syspath_prepend(own)
        for hash_seed in ("0", "1"):  # both import at once
            servers.start(hash_seed)
        yield evidence


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTH)
def test_the_mistake_is_named(audited, name):
    found = findings(audited(name))
    expected, words = TRUTH[name]
    assert [(one.rule, one.thing) for one in found] == expected
    assert words in found[0].sentence


@pytest.mark.slow
@pytest.mark.parametrize("name", CLEAN)
def test_what_has_no_mistake_is_clean(audited, name):
    evidence = audited(name)
    assert findings(evidence) == []
    assert (evidence.resumed is None) == (name == "page_plain")


@pytest.mark.slow
def test_the_page_shows_what_is_said(audited):
    page = (ROOT / "docs/audit.md").read_text()
    evidence = audited("page_lightning")
    said = sentences.shown("my_module:train", evidence, findings(evidence)).split("\n\n")
    assert f"$ noisegrid audit my_module:train\n{said[0]}\n\n{said[1]}\n```" in page
    sentence = findings(audited("transformers_default_seed"))[0].sentence
    assert f"- {sentence.replace('transformers_default_seed.py:13', 'my_module.py:11')}\n" in page


@pytest.mark.slow
def test_nothing_is_written_into_the_users_folders(audited, own):
    """Both Trainers would: by default they write logs and checkpoints into the working directory, and into `out`."""
    for name in ("page_lightning", "page_transformers"):
        audited(name)
    files = [path.relative_to(own) for path in own.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {path.parent for path in files} == {Path()}
    assert {path.suffix for path in files} == {".py"}


@pytest.mark.slow
def test_an_adapter_draws_nothing_and_sets_no_seed(own, monkeypatch, tmp_path):
    """The generators have the same states when the Trainer begins as when the function returned it."""
    monkeypatch.chdir(own)
    monkeypatch.syspath_prepend(own)
    import lightning
    import transformers
    from my_project import MyExamples, MyModel, MyModule, my_loader

    states = []
    monkeypatch.setattr(lightning.Trainer, "fit", lambda *_, **__: states.append(global_states()))
    monkeypatch.setattr(transformers.Trainer, "train", lambda *_, **__: states.append(global_states()))

    def with_lightning(seed):
        built = lightning.Trainer(), MyModule(), my_loader()
        states.append(global_states())
        return built

    def with_transformers(seed):
        arguments = transformers.TrainingArguments(str(tmp_path / "out"), report_to=["tensorboard"])
        trainer = transformers.Trainer(MyModel(), arguments, train_dataset=MyExamples())
        states.append(global_states())
        return trainer

    for adapter, build in ((lightning_fit, with_lightning), (transformers_train, with_transformers)):
        states.clear()
        adapter(build)(0, checkpoint=str(tmp_path / "checkpoint"))
        assert len(states) == 2 and states[0] == states[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("adapter", "sentence"),
    [
        (lightning_fit, "lightning_fit: the function returns dict; return a tuple of a Trainer and the arguments"),
        (transformers_train, "transformers_train: the function returns dict; return a Trainer of transformers"),
    ],
)
def test_a_function_that_builds_no_trainer_is_refused(adapter, sentence):
    with pytest.raises(NoisegridError, match=re.escape(sentence)):
        adapter(lambda seed: {})(0)


def test_the_arguments_are_those_of_the_function_and_checkpoint():
    def build(init_seed, order_seed=0, *, size=3, **more):
        return init_seed, order_seed, size, more

    found = function.training_function(build, lambda built, checkpoint: (built, checkpoint))
    assert str(inspect.signature(found)) == "(init_seed, order_seed=0, *, size=3, checkpoint=None, **more)"
    assert found(1, 2) == ((1, 2, 3, {}), None)
    assert found(1, checkpoint="path", width=4) == ((1, 0, 3, {"width": 4}), "path")


def test_a_function_with_a_checkpoint_of_its_own_is_refused():
    def build(seed, checkpoint):
        pass

    with pytest.raises(NoisegridError, match="build has an argument `checkpoint`, which the adapter adds itself"):
        function.training_function(build, print)


@pytest.mark.parametrize(("adapter", "extra"), [(lightning_fit, "lightning"), (transformers_train, "transformers")])
def test_a_missing_package_is_one_sentence_with_the_extra(monkeypatch, adapter, extra):
    monkeypatch.setattr(function, "find_spec", lambda name: None)
    sentence = f"{adapter.__name__} needs the package {extra}; install it with: pip install 'noisegrid[{extra}]'"
    with pytest.raises(NoisegridError, match=re.escape(sentence)):
        adapter(print)


def test_every_function_is_tried():
    assert {path.stem for path in (HERE / "trainers").glob("*.py")} | {*EXAMPLES} == {*TRUTH, *CLEAN, "my_project"}
