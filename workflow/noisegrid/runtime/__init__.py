"""The machine that a job runs on: the hardware catalog, GPUs and their locks, containers and their images."""
