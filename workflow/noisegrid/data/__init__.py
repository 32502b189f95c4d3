"""Prepared datasets: converted once, checksummed, and memory-mapped by every replicate."""
