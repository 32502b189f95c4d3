"""Errors, schemas, atomic files, locks and provenance, used by all other subpackages. Imports none of these."""
