"""What cannot be trained on is refused in one sentence before training, on machines with a CUDA runtime and no GPU."""

import json

import pytest
from null_machine import HERE, Command, NullMachine, run_all
from small_study import H100, own, training

V100 = NullMachine("Tesla V100-SXM2-16GB", 16, capability="7.0")
SLICES = NullMachine(mig="3g.40gb")
SLICE = "NVIDIA H100 80GB HBM3 MIG 3g.40gb"
REMEDY = "use the stack torch2.7-cu126, in its image (--sdm apptainer), or in an environment of it"
#: Machines, the GPU model that a cell requires, and what is said.
ASKED = {
    "as required": (H100, "H100", "usable"),
    "kernels of an earlier step": (NullMachine("NVIDIA L4", 24, capability="8.9"), "L4", "usable"),
    "V100": (V100, "V100", f"for Tesla V100-SXM2-16GB (compute capability 7.0); {REMEDY}"),
    "P100": (NullMachine("Tesla P100-SXM2-16GB", 16, capability="6.0"), "P100", REMEDY),
    "no kernels anywhere": (NullMachine("Tesla K80", 12, capability="3.7"), "K80", "no stack of the catalog has"),
    "another model": (NullMachine("NVIDIA H200", 141), "H100", "but the job runs on NVIDIA H200"),
    "slice": (SLICES, "H100", f"but the job runs on {SLICE}"),
    "slice as required": (SLICES, "H100 80GB HBM3 MIG 3g.40gb", "usable"),
    "no device": (NullMachine(devices=0), "H100", "PyTorch sees no GPU: the driver is 580.95.05; check it with"),
    "no driver": (NullMachine(driver="none"), "H100", "PyTorch sees no GPU: NVIDIA's driver does not answer"),
    "old driver": (NullMachine(driver="535.104.05"), "H100", "the driver is 535.104.05, and CUDA 13.0 needs at least"),
}

#: Machines, hardware entries, further variables, and the sentence with which a whole job is refused.
JOBS = {
    "V100": (V100, "v100@here", {}, REMEDY),
    "another model": (H100, "h200", {}, "this job requires GPU model H200, but this machine has NVIDIA H100 80GB HBM3"),
    "no driver": (NullMachine(driver="none"), "h100", {}, "requires GPU model H100, but this machine has no GPU"),
    "no driver, chosen": (
        NullMachine(driver="none"), "h100", {"CUDA_VISIBLE_DEVICES": "0"},
        "PyTorch sees no GPU: NVIDIA's driver does not answer; check it with nvidia-smi",
    ),
    "old driver": (
        NullMachine(driver="535.104.05"), "h100", {},
        "the driver is 535.104.05, and CUDA 13.0 needs at least 580.65; update it, or use another stack",
    ),
    "TF32": (H100, "h100", {"NVIDIA_TF32_OVERRIDE": "1"}, "unset it: unset NVIDIA_TF32_OVERRIDE"),
    "slice": (SLICES, "h100", {}, f"this job requires GPU model H100, but this machine has {SLICE}"),
    "slice, chosen": (
        SLICES, "h100", {"CUDA_VISIBLE_DEVICES": "MIG-00010203-0405-0607-0809-0a0b0c0d0100"},
        f"this job requires GPU model H100, but the scheduler assigned {SLICE}",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    """What is said about each machine; one process asks for all."""
    asked = json.dumps([(model, machine.variables) for machine, model, _ in ASKED.values()])
    done = H100.run(HERE / "check_devices.py", asked, PYTORCH_NVML_BASED_CUDA_CHECK="1")
    return dict(zip(ASKED, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("machine", ASKED)
def test_a_gpu_is_used_or_refused_in_one_sentence(said, machine) -> None:
    assert ASKED[machine][2] in said[machine]


#: A command that times a network on a card on which a process of another user computes.
TIMING = Command(NullMachine(busy="0"), ["overhead", "smallcnn", "--hardware", "h100"], {})


@pytest.fixture(scope="module")
def refused(tmp_path_factory, datasets):
    """The outcome of each job, and its folder."""
    folders = {name: tmp_path_factory.mktemp("refused") for name in JOBS}
    commands = [
        Command(machine, training(folders[name], datasets, hardware=hardware), own(folders[name], **more))
        for name, (machine, hardware, more, _) in JOBS.items()
    ]
    *outcomes, timing = run_all([*commands, TIMING], tmp_path_factory.mktemp("outputs"))
    found = {name: (outcome, folders[name]) for name, outcome in zip(JOBS, outcomes, strict=True)}
    return found | {"timing": (timing, None)}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_is_refused_in_one_sentence_before_training(refused, job) -> None:
    outcome, folder = refused[job]
    assert outcome.returncode == 1
    *before, sentence = outcome.stdout.splitlines()
    assert sentence.startswith("noisegrid: ")
    assert JOBS[job][3] in sentence
    assert all(line.startswith("computing on ") for line in before)  # no replicate failed, and there is no traceback
    assert not list(folder.glob("results/**/replicates"))


def test_a_card_on_which_others_compute_is_not_timed(refused) -> None:
    outcome, _ = refused["timing"]
    assert outcome.returncode == 1
    assert "other processes compute on this GPU (pid, name: 4242, another-program)" in outcome.stdout.splitlines()[-1]
