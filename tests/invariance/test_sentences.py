"""The document of the findings is put into words."""

from noisegrid.invariance.sentences import ONLY, VARIABLES, operation, row, sentence, switches
from noisegrid.training.noise import CPU_VARIABLES


def condition(kind: str, value: str = "", logits: int = 0, classes: int = 0, **more: object) -> dict:
    found = {"kind": kind, "value": value, "batch_size": 51, "other_logits": logits, "other_class": classes}
    return found | {"only_last_batch": False, "ulp": None, "relative": 0.0, "operation": None} | more


def test_the_variables_are_those_that_are_set():
    assert VARIABLES == CPU_VARIABLES


def test_what_changes_and_what_does_not_are_named_with_the_remedies():
    conditions = [
        *(condition("batch size", "1", 256, 2), condition("batch size", "8"), condition("batch size", "51", 1)),
        *(condition("position", "rotated by one"), condition("neighbours", "", 200), condition("threads", "2")),
    ]
    found = sentence({"changed": True, "examples": 256, "conditions": conditions})
    assert found == (
        "batch size (1, 51 for 1 example) and neighbours (for 200 examples) change the logits of up to 256 of 256 "
        "examples, and the class of up to 2; position and threads change none. Remedy: evaluate in batches of one "
        "size, and fill up the last one; normalise each example on its own: a layer mixes the examples of a batch"
    )
    (alone,) = [one for one in conditions if one["kind"] == "threads"]
    found = sentence({"changed": True, "examples": 256, "conditions": [alone | {"other_logits": 256}]})
    assert found == (
        "threads (2) changes the logits of up to 256 of 256 examples, and no class. Remedy: fix the number of threads"
    )


def test_nothing_changes():
    document = {"changed": False, "examples": 256, "conditions": [condition("threads", "2")] * 3}
    assert sentence(document) == "none of 3 conditions changes a logit of 256 examples"


def test_the_row_of_a_last_batch_that_is_smaller():
    convolution = {"kind": "output", "name": "convolution.default", "module": "8"}
    changed = condition("batch size", "51", 1, only_last_batch=True, ulp=2628, relative=1.1e-8, operation=convolution)
    assert row(changed, 256) == (
        *("batch size 51", "256", "0.4% (the last batch, of 1)", "0", "2,628", "1.1e-08", "8: convolution"),
    )
    assert row(condition("threads", "2"), 256) == ("threads 2", "256", "0", "0", "", "", "")


def test_the_operation_says_on_which_side_it_runs():
    found = {"name": "add.Tensor", "module": "head", "kind": ONLY[True]}
    assert operation(found) == "head: add, only in the reference"
    assert operation(found | {"kind": "inside or before"}) == "inside or before head: add"
    assert operation(found | {"kind": "output", "module": ""}) == "add"
    assert operation(None) == "none that PyTorch dispatches"


def test_the_switches_of_a_processor_without_instruction_sets():
    flags = {"threads": 2, "precision": "fp32", "aten": "avx2", "onednn": "", "mkl": ""}
    assert switches({"batch_size": 64, "switches": flags}) == "batches of 64, 2 threads, fp32, aten avx2"
