"""The machine that a job runs on: hardware of the catalog, GPUs and their locks, containers and their images."""
