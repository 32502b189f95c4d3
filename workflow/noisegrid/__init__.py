"""noisegrid: how much of a training result is noise, where it comes from, whom it affects, what determinism costs.

Subpackages, each of which imports only from those before it:

common     errors, schemas, atomic files, locks, provenance
runtime    the machine: hardware, devices, containers, images
study      a study and what it resolves to: cells, seeds, noise, recipes, timed networks
records    a replicate on disk
data       datasets: prepared once, opened by every replicate
stats      pure functions on arrays: spread, pairs, null, intervals, power
training   one replicate: noise, loader, loop, checkpoints, worker pool
overhead   one network's training step, with and without determinism
measuring  from the replicates of a cell to rows of metrics.csv
reporting  from metrics.csv and overhead.csv to claims, tables, figures, findings, report
planning   what the Snakefile asks: plan, packing, resources, preflight, status
crate      write, read, check, rerun and compare the packages of studies
cli        the `noisegrid` command

`networks` and `readers` are public: catalogs name their functions, and so may your own study.
"""

__version__ = "0.1.0"
