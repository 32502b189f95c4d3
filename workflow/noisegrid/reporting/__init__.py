"""Claims, tables, figures and findings from metrics.csv and overhead.csv, without reading replicates or using torch."""
