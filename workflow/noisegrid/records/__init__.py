"""Replicates on disk: training writes each as a whole, and every later stage checks and reads it. No torch."""
