"""The crate of a study, an RO-Crate: write it, open it, check every number, train replicates again, compare crates."""
