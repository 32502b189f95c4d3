"""Measurements that turn the replicates of a cell into rows of metrics.csv. No module here imports torch."""
