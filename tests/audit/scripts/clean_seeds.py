"""Clean: one seed for each source, and none reaches another source."""

import torch
from torch.utils.data import DataLoader
from training import Examples, fit, small


def train(init_seed, order_seed, augment_seed, dropout_seed):
    torch.manual_seed(init_seed)
    network = small(dropout=0.3)
    noise = torch.Generator().manual_seed(augment_seed)
    examples = Examples(lambda inputs: inputs + 0.1 * torch.randn(inputs.shape, generator=noise))
    loader = DataLoader(examples, 8, shuffle=True, generator=torch.Generator().manual_seed(order_seed))
    torch.manual_seed(dropout_seed)
    return fit(network, loader)
