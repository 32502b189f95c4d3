"""What the Snakefile asks: the plan, how replicates are packed into jobs, resources, preflight checks, status."""
