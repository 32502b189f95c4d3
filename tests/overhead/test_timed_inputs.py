"""What a timed network gets follows from its entry in the catalog."""

import pytest
import torch
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.networks.build import build
from noisegrid.overhead.explain import explain
from noisegrid.overhead.inputs import CLASSES, INPUTS, batch, built
from noisegrid.study.arms import UNITS, inputs_of, inputs_timed, timed_network
from noisegrid.training.losses import default_loss


def test_every_kind_of_inputs_has_a_unit():
    assert INPUTS.keys() == UNITS.keys()


def test_a_network_takes_what_its_entry_says_and_images_otherwise():
    assert (inputs_of("gpt"), inputs_of("table_mlp")) == ("tokens", "table")
    assert inputs_of("resnet18") == inputs_of("a_module.of_a_user") == "images"


def test_the_label_of_a_token_is_the_next_token():
    inputs, labels = INPUTS["tokens"].batch(3, 5)
    assert inputs.shape == labels.shape == (3, 5)
    assert inputs.dtype == labels.dtype == torch.int64
    assert torch.equal(inputs[:, 1:], labels[:, :-1])


def test_rows_alternate_numbers_and_codes():
    columns = INPUTS["table"].shape(4)["columns"]
    rows, labels = INPUTS["table"].batch(100, 4)
    assert columns == [0, 10, 0, 10] and labels.shape == (100,)
    assert set(rows[:, 1::2].unique().tolist()) == set(map(float, range(10)))
    assert len(rows[:, ::2].unique()) == 200


@pytest.mark.parametrize("kind", INPUTS)
def test_a_batch_is_the_same_in_every_process_and_its_labels_are_classes(kind):
    first, second = INPUTS[kind].batch(2, 8), INPUTS[kind].batch(2, 8)
    assert all(map(torch.equal, first, second))
    assert first[1].min() >= 0 and first[1].max() < CLASSES


@pytest.mark.parametrize("kind", INPUTS)
def test_a_number_of_classes_is_kept(kind):
    network = timed_network("cpu", "resnet18", None, "test", size=8, classes=3, inputs=kind)
    _, labels = batch(network, 200)
    assert set(labels.unique().tolist()) == {0, 1, 2}
    assert INPUTS[kind].arguments(8, {}, 3)["classes"] == 3


class Model(nn.Module):
    """A small transformer over tokens."""

    def __init__(self, classes, context):
        super().__init__()
        self.tokens, self.places = nn.Embedding(classes, 8), nn.Parameter(torch.zeros(context, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        return self.head(self.layer(self.tokens(x) + self.places))


def test_a_network_of_ones_own_takes_tokens():
    asked = {"size": 6, "classes": 7}
    own = timed_network("cpu", "test_timed_inputs:Model", None, "test", inputs="tokens", **asked)
    inputs, labels = batch(own, 2)
    assert built(own)(inputs).shape == (2, 6, 7) and labels.shape == (2, 6)
    assert inputs.max() < 7 and UNITS[inputs_timed(own)] == "tokens"
    uses = {use.operator: use for use in explain(own).uses}
    assert uses["scaled_dot_product_attention"].modules == ("layer.self_attn",)
    images = timed_network("cpu", "test_timed_inputs:Model", None, "test", **asked)
    for work in (built, explain):
        with pytest.raises(
            NoisegridError, match=r"its arguments are those for tokens, so time it with --inputs tokens"
        ):
            work(images)


@pytest.mark.parametrize("name", ["vit_tiny", "gpt", "table_mlp"])
def test_a_network_of_each_kind_learns_from_its_batch(name):
    entry, size = catalog("networks")[name], 16
    torch.manual_seed(0)
    kind = INPUTS[inputs_of(name)]
    network = build(entry["build"], **kind.arguments(size, entry["options"]))
    inputs, labels = kind.batch(2, size)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        losses.append(default_loss(network(inputs), labels))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]


def test_the_loss_of_tokens_is_the_mean_over_all_of_them():
    logits, labels = torch.randn(3, 5, 7), torch.randint(7, (3, 5))
    by_hand = -logits.log_softmax(2).gather(2, labels[..., None]).mean()
    assert torch.allclose(default_loss(logits, labels), by_hand)
