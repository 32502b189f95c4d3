"""Replicates are trained and replayed on machines with a CUDA runtime and no GPU."""

import pytest
from null_machine import mutated
from small_study import CARDS, H100, own, record_files, records, train, training

SOURCES = (
    *("algo_impl", "algo", "impl", "control", "init", "order", "augment", "dropout"),
    *("autotune", "cudnn_deterministic"),
)


def test_a_replicate_is_recorded_with_its_card_and_replayed(tmp_path, datasets) -> None:
    done = train(tmp_path, datasets)
    assert done.returncode == 0, done.stdout
    for record in records(tmp_path):
        about = record["device"]
        assert (about["model"], about["memory_bytes"], about["driver"]) == ("NVIDIA H100 80GB HBM3", 80e9, "580.95.05")
        assert about["uuid"] == "GPU-00010203-0405-0607-0809-0a0b0c0d0e00"
    (first, _) = record_files(tmp_path)
    replayed = H100.run("-m", "noisegrid", "replay", first, "--datasets", datasets, **own(tmp_path))
    assert "computing on H100 GPU-" in replayed.stdout
    assert "recorded  " in replayed.stdout


def test_cuda_before_the_fork_is_noticed(tmp_path, datasets) -> None:
    old = "        pool = Pool("
    package = mutated(tmp_path / "mutated", "training/job.py", old, f"        torch.zeros(1, device='cuda')\n{old}")
    done = H100.run("-m", "noisegrid", *training(tmp_path, datasets), package=package, **own(tmp_path))
    assert done.returncode == 1
    assert "Cannot re-initialize CUDA in forked subprocess" in done.stdout
    assert records(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("hardware", CARDS)
def test_every_source_trains_on_every_card_and_precision(tmp_path, datasets, hardware) -> None:
    done = train(tmp_path, datasets, CARDS[hardware], hardware, ", ".join(SOURCES))
    assert done.returncode == 0, done.stdout
    found = records(tmp_path)
    assert len(found) == 2 * len(SOURCES)
    assert {record["device"]["model"] for record in found} == {CARDS[hardware].name}
    assert {record["resumed"] for record in found} == {0}
