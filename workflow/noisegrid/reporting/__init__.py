"""Verdicts, tables, figures and findings, made from metrics.csv and overhead.csv. No module here imports torch."""
