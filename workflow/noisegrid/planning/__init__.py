"""Planning: the plan of a study, the packing of replicates into jobs, resources of jobs, early checks, and status."""
