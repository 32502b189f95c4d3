"""Errors, schemas, atomic writing, locks and provenance. This subpackage imports none of the other subpackages."""
