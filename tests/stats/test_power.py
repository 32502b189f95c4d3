"""How many replicates are needed: the search over counts."""

import pytest

from noisegrid.stats.power import LIMIT, smallest_count


@pytest.mark.parametrize("least", [2, 3, 7])
@pytest.mark.parametrize("needed", [1, 2, 3, 64, 65, 65_537, 75_000, 99_999, LIMIT, LIMIT + 1])
def test_the_smallest_count_up_to_the_limit_is_found(needed, least):
    found = smallest_count(lambda count: count >= needed, least)
    assert found == (max(needed, least) if needed <= LIMIT else None)
