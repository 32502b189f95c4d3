"""Which device a job takes, on machines with a CUDA runtime and no GPU."""

from null_machine import NullMachine
from small_study import records, train

TWO = NullMachine(devices=2)


def test_the_choice_of_a_scheduler_is_respected(tmp_path, datasets) -> None:
    done = train(tmp_path, datasets, TWO, CUDA_VISIBLE_DEVICES="1")
    assert done.returncode == 0, done.stdout
    assert "computing on" not in done.stdout  # nothing was claimed
    assert {record["device"]["uuid"] for record in records(tmp_path)} == {"GPU-00010203-0405-0607-0809-0a0b0c0d0e01"}
