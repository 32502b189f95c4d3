"""What is to be done, decided before any work: the study and its cells, timings, seeds, what it will cost. No torch."""
