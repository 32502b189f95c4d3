"""Basic helpers: errors, schemas, paths, atomic writing, locks and the version of the code.

All other subpackages may import this subpackage. It imports none of them.
"""
