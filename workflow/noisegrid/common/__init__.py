"""What every subpackage uses: errors, schemas, atomic files, locks, provenance. Imports no other subpackage."""
