"""What every room uses: errors, files, documents held against schemas, locks, the commit. Imports no other room."""
