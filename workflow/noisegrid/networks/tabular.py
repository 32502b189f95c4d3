"""A network for tables whose columns are numbers and categories, beyond the paper."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from noisegrid.common.errors import NoisegridError
from noisegrid.networks.paper import glorot_uniform


def table_mlp(
    classes: int, columns: Sequence[int], width: int, depth: int, embedding: int, dropout: float = 0.0
) -> nn.Module:
    """Build an MLP with embeddings of categories; see TableMLP.

    Raises
    ------
    NoisegridError
        If there is no column, or a column has a negative number of categories.
    """
    if not columns or min(columns) < 0:
        raise NoisegridError(
            f"network table_mlp: columns are {list(columns)}; give one whole number for each column of the table: 0 "
            "for a number, or how many categories it has"
        )
    network = TableMLP(classes, columns, width, depth, embedding, dropout)
    nn.init.normal_(network.embedding.weight, std=embedding**-0.5)
    return glorot_uniform(network)


class TableMLP(nn.Module):
    """An MLP on the numbers of a row and on the embeddings of its categories.

    One matrix holds the embeddings of all columns, one column after the other, so that a batch needs one look-up.

    Parameters
    ----------
    classes : int
        The number of classes.
    columns : sequence of int
        For each column, 0 if it holds numbers, which should have a mean near 0 and a variance near 1. Otherwise the
        number k of its categories, whose codes are 0 to k - 1.
    width, depth : int
        The units of a hidden layer, and the number of hidden layers.
    embedding : int
        The values of an embedding.
    dropout : float
        The dropout rate after each hidden layer.
    """

    numbers: Tensor
    categories: Tensor
    starts: Tensor

    def __init__(
        self, classes: int, columns: Sequence[int], width: int, depth: int, embedding: int, dropout: float
    ) -> None:
        super().__init__()
        counts = [count for count in columns if count]
        places = {
            "numbers": [place for place, count in enumerate(columns) if not count],
            "categories": [place for place, count in enumerate(columns) if count],
            "starts": list(itertools.accumulate(counts, initial=0))[:-1],
        }
        for name, values in places.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.int64), persistent=False)
        self.embedding = nn.Embedding(sum(counts), embedding)
        inputs = len(places["numbers"]) + embedding * len(counts)
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (N, columns), in which a category is its code, to logits (N, classes)."""
        codes = x.index_select(1, self.categories).long() + self.starts
        parts = [x.index_select(1, self.numbers), self.embedding(codes).flatten(1)]
        logits: Tensor = self.layers(torch.cat(parts, dim=1))
        return logits
