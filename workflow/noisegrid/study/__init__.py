"""A study and what it resolves to, before any work: cells, seeds, noise, recipes, timed networks. Imports no torch."""
