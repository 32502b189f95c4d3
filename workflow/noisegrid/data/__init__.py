"""Prepared datasets: arrays that are converted once, checksummed, and memory-mapped by every replicate."""
