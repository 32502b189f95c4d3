"""A study and its resolved parts: cells, seeds, noise, recipes, timed networks. Does not import torch."""
