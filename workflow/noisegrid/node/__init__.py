"""What a job runs on: the catalog's hardware, GPUs and who claimed them, the container, what records say of it."""
