"""Crates (RO-Crates of studies): write, open and check a crate, train its replicates again, compare two crates."""
