"""A study and its resolved parts: cells, seeds, noise, recipes, timed networks.

This subpackage does not import torch.
"""
