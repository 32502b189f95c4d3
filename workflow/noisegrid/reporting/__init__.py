"""Reports: from metrics.csv and overhead.csv to claims, tables, figures and findings. No replicate, no torch."""
