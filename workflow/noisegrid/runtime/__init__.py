"""The machine that a job runs on: hardware of the catalog, GPUs and who claimed them, containers and their images."""
