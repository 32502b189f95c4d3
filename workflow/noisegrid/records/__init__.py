"""Replicates on disk. Training writes them; later stages check and read them without torch."""
