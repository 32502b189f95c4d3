"""Two sides of one table, which a column tells apart."""

import pytest
from conftest import noisegrid

import noisegrid as package
from noisegrid.common.errors import NoisegridError

#: Run 1 has the same number and the same accuracy under both methods.
TABLE = """method,run,accuracy
x,0,91.1
x,1,91.3
x,2,91.5
y,0,91.9
y,1,91.3
y,2,92.4
"""


def test_equal_names_and_results_are_two_runs_if_a_column_tells_them_apart(tmp_path):
    (tmp_path / "runs.csv").write_text(TABLE)
    done = noisegrid("gate", "runs.csv", "--group", "method", "--a", "x", "--b", "y", cwd=tmp_path)
    assert done.stdout.startswith("undecided: "), done.stdout
    found = package.gate(str(tmp_path / "runs.csv"), group="method", a="x", b="y")
    assert len(found.base.values) == len(found.new.values) == 3


def test_one_group_is_not_compared_with_itself(tmp_path):
    (tmp_path / "runs.csv").write_text(TABLE)
    with pytest.raises(NoisegridError, match="base and new are the same files"):
        package.gate(str(tmp_path / "runs.csv"), group="method", a="x", b="x")
