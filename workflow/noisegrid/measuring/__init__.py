"""Measurements: from the replicates of a cell to rows of metrics.csv. Imports no torch."""
