"""noisegrid: how much of a training result is noise, where it comes from, whom it hits, what determinism costs.

Files beside this one are commands (`python -m noisegrid.NAME`, which the rules call), what the Snakefile asks (plan,
ready), what catalogs and own studies name (networks, readers), and the metrics. What commands share is in rooms, each
importing only from those before it:

basics     errors, files, documents, locks
node       what a job runs on: hardware, devices, containers
design     the study: cells, timings, seeds, estimates
records    a replicate on disk
training   one replicate
timing     one network's training step, with and without determinism
analysis   from the two CSV files to claims and drawings
artifact   the package of a study, and a stranger's check of it
"""

__version__ = "0.1.0"
