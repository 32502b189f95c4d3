"""Planning for the Snakefile: the plan, the packing of replicates into jobs, resources, preflight checks, status."""
