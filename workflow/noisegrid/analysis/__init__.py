"""From metrics.csv and cost.csv to what is shown and said: opens no replicate, imports no torch."""
