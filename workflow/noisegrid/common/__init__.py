"""Errors, schemas, atomic files, locks and provenance, for every subpackage. Imports no other subpackage."""
