"""A study and its resolved parts: cells, seeds, noise, recipes, timed networks. Imports no torch."""
