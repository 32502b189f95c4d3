"""From metrics.csv and overhead.csv to claims, tables, figures and findings. Opens no replicate, imports no torch."""
