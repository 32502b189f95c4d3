"""Replicates on disk: training writes each replicate as a whole; later stages check and read it without torch."""
