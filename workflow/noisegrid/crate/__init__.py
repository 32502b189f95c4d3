"""The package of a study, an RO-Crate: written, read, checked number by number, rerun, compared."""
