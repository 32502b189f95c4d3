"""The machine that a job runs on: the hardware catalog, GPUs and their locks, and container images."""
