"""The noise floor of results in a list, and of a function of a seed."""

import pytest

import noisegrid
from noisegrid.common.errors import NoisegridError
from noisegrid.testing import noise_floor

RESULTS = [93.1, 93.4, 92.9, 93.2, 93.0]


def test_it_is_the_floor_of_the_same_results():
    """The standard deviation is 0.19235, and the quantile of t with 4 degrees of freedom is 2.7764."""
    found = noise_floor(RESULTS)
    assert found.smallest == noisegrid.floor(RESULTS).smallest
    assert found.smallest == pytest.approx(2.7764 * 0.19235 * (2 / 5) ** 0.5, rel=1e-3)
    assert found.seeds is None


def test_a_function_is_called_with_each_seed():
    found = noise_floor(lambda seed: RESULTS[seed - 10], seeds=range(10, 15), metric="accuracy", gains=[0.5])
    assert found.values == tuple(RESULTS)
    assert found.seeds == ("10", "11", "12", "13", "14")
    assert (found.metric, [one.gain for one in found.needed]) == ("accuracy", [0.5])
    assert found.smallest == noise_floor(RESULTS, seeds=range(5)).smallest


def test_a_seed_that_does_nothing_is_no_floor():
    with pytest.raises(AssertionError) as error:
        noise_floor(lambda seed: 0.93, seeds=range(4), metric="accuracy")
    why = "all 4 runs have the same accuracy, although their seeds differ; the seed may do nothing"
    assert str(error.value) == f"there is no noise floor: {why}"


@pytest.mark.parametrize(
    ("results", "seeds", "sentence"),
    [
        (lambda seed: seed, None, "results is a function of a seed; give the seeds, such as seeds=range(5)"),
        (RESULTS, [1, 2], "there are 5 results and 2 seeds; give one seed for each result"),
        (RESULTS[:2], None, "a spread needs at least 3"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(results, seeds, sentence):
    with pytest.raises(NoisegridError) as error:
        noise_floor(results, seeds)
    assert sentence in str(error.value) and "\n" not in str(error.value)
