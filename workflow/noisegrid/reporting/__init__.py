"""Verdicts, tables, figures and findings, made from metrics.csv and overhead.csv without replicates and torch."""
