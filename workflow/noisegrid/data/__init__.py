"""Datasets in the form that training reads: prepared once, checksummed, memory-mapped by every replicate."""
