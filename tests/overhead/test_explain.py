"""Which operators may vary on CUDA: PyTorch's list, and the networks of the catalog. Needs no GPU."""

import re
from functools import cache

import pytest
import torch
from torch import nn

from noisegrid.cli import main
from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.overhead.explain import explain, listed, sentence, table, trace
from noisegrid.study.arms import timed_network


@cache
def uses_of(name):
    return found_in(name).uses


@cache
def found_in(name):
    return explain(timed_network("cpu", name, None, "test"))


def published():
    """Return the items of the documentation of torch.use_deterministic_algorithms: all, and those that it refuses."""
    text = torch.use_deterministic_algorithms.__doc__.split("In addition, several")[0]
    items = r"^ +\* (:(?:class|func):.*?)(?=\n +\* :|\n\n(?! +- ``)|\Z)"
    accepted, refused = (
        {re.sub(r"\s+", " ", item).strip() for item in re.findall(items, part, re.S | re.M)}
        for part in text.split("normally-nondeterministic operations will")[1:]
    )
    return accepted, refused


def test_the_list_is_that_of_the_installed_torch():
    accepted, refused = published()
    found = catalog("nondeterministic")
    words = {word for entry in found["operators"] for word in entry["published"]}
    assert words | set(found["elsewhere"]) == accepted | refused and len(accepted) > 15 and len(refused) > 20
    for entry in listed():
        documented = entry.get("documented", entry["strict"])
        assert set(entry["published"]) <= (refused if documented == "refused" else accepted)
        assert entry["published"] or entry["note"]


def test_every_operator_of_the_list_exists():
    for entry in listed():
        for name in entry["aten"]:
            base, _, overload = name.partition(".")
            packet = getattr(torch.ops.aten, base, None) or getattr(torch.ops.aten, f"{base}_")
            assert not overload or overload in packet.overloads()


@pytest.mark.parametrize("name", catalog("networks"))
def test_the_catalog_says_which_networks_have_atomic_additions_and_strict_mode_refuses_two(name):
    others = {use.operator for use in uses_of(name) if use.entry["strict"] != "cudnn"}
    named = {operator.removeprefix("_").removesuffix("_backward") for operator in others}
    assert named == set(catalog("networks")[name].get("atomics", []))
    said = sentence(name, found_in(name))
    assert ("strict mode refuses" in said) == (name in ("vgg16", "vgg19"))
    replaced = "replaces it by adaptive average pooling as two matrix products; in your code, write a mean"
    assert (replaced in said) == (name in ("vgg16", "vgg19"))


def test_the_limit_of_the_list_is_named_where_a_network_has_max_pooling():
    """ResNet-50 has one max-pooling, and 53 convolutions in each direction; ResNet-18 for small images has none."""
    assert sentence("resnet50", found_in("resnet50")) == (
        "resnet50: nothing on PyTorch's list but cuDNN's convolutions (106 calls) may vary; strict mode runs it; the "
        "backward pass of max-pooling (1 call) is not on the list and was not examined"
    )
    assert "max-pooling" not in sentence("resnet18", found_in("resnet18"))


class Refused(nn.Module):
    """Two operators that strict mode refuses: one has a remedy, one has none."""

    def forward(self, x):
        x = x.cumsum(3)
        return nn.functional.grid_sample(x, x[:, :2].permute(0, 2, 3, 1), align_corners=False).flatten(1)


def test_each_refused_operator_has_its_own_remedy():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), Refused())
    images, labels = torch.empty(2, 3, 2, 2, device="meta"), torch.zeros(2, dtype=torch.int64, device="meta")
    assert sentence("mine", trace(network, images, labels)).endswith(
        "strict mode refuses aten::cumsum (instead, multiply with a triangular matrix of ones), "
        "aten::grid_sampler_2d_backward (no replacement is known)"
    )


class Pooled(nn.Module):
    """Adaptive pooling as a function, which is no layer that could be replaced."""

    def forward(self, x):
        return nn.functional.adaptive_avg_pool2d(x, 2)


def test_only_layers_are_said_to_be_replaced():
    images, labels = torch.empty(2, 3, 4, 4, device="meta"), torch.zeros(2, dtype=torch.int64, device="meta")
    for pool, replaced in ((nn.AdaptiveAvgPool2d(2), True), (Pooled(), False)):
        network = nn.Sequential(nn.Conv2d(3, 2, 1), pool, nn.Flatten())
        assert ("replaces it by" in sentence("mine", trace(network, images, labels))) == replaced


def test_resnet18_has_convolutions_only():
    uses = uses_of("resnet18")
    assert [(use.operator, use.direction, use.calls) for use in uses] == [
        ("convolution", "forward", 20),
        ("convolution_backward", "backward", 20),
    ]
    assert uses[0].modules == uses[1].modules[::-1] or set(uses[0].modules) == set(uses[1].modules)


def test_the_pyramid_names_its_layers():
    found = {(use.operator, use.direction): use for use in uses_of("pyramid")}
    assert found["index_add", "forward"].modules == ("pool",)
    assert found["upsample_bilinear2d_backward", "backward"].calls == 2
    assert "aten::index_add" in table(uses_of("pyramid"))


def test_fused_attention_is_found_where_the_trace_runs_it_unfused():
    uses = uses_of("vit_b_16")
    found = {use.operator: use for use in uses}["scaled_dot_product_attention"]
    assert found.direction == "backward"
    assert (found.calls, found.modules[0]) == (12, "encoder.layers.encoder_layer_0.self_attention")
    assert "scaled_dot_product_attention may vary; strict mode runs it" in sentence("vit_b_16", found_in("vit_b_16"))


def test_a_network_without_such_operators_has_none():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.Softmax(dim=1))
    images, labels = torch.empty(2, 3, 2, 2, device="meta"), torch.zeros(2, dtype=torch.int64, device="meta")
    assert trace(network, images, labels).uses == []


def test_the_command_asks_for_no_gpu_and_lists_each_network_once(capsys, tmp_path):
    (tmp_path / "study.yaml").write_text(
        "name: two\nseed: 1\ncells: [{hardware: [cpu], tasks: [smallcnn-digits], noise: [algo], replicates: 2}]\n"
        "overhead: [{hardware: [h100, v100], networks: [smallcnn, vgg16], arms: [default, deterministic]}]\n"
    )
    # `auto` would stop on a machine without a GPU of the catalog: nothing of --hardware is asked for
    for command in (["smallcnn", "vgg16"], ["--study", str(tmp_path / "study.yaml")]):
        main.main(["overhead", "--explain", "--hardware", "no-such", *command])
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(":")[0] for line in lines if "may vary" in line] == ["smallcnn", "vgg16"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "no network was named; name one or more"),
        (["resnet81"], "resnet81"),
        (["json:loads"], "network json.loads cannot be traced on tensors without values of 224 px"),
        (["no.such:thing"], "no.such"),
        (["--study", "none.yaml"], "none.yaml"),
    ],
)
def test_bad_input_is_one_sentence(capsys, arguments, sentence):
    assert main.main(["overhead", "--explain", *arguments]) == 1
    said = capsys.readouterr().err.strip()
    assert sentence in said and "\n" not in said


def test_a_network_that_cannot_run_is_one_sentence():
    with pytest.raises(NoisegridError, match=r"cannot be traced .* of 1 px: .+"):
        explain(timed_network("cpu", "resnet18", None, "test").__class__("cpu", "x", "torch.nn:Linear", {}, (), size=1))
