"""A replicate on disk: written whole by training, checked and read by all that comes after. Imports no torch."""
