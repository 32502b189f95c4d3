"""Measurements that turn the replicates of a cell into rows of metrics.csv. Does not import torch."""
