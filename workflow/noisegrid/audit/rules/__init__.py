"""The rules of an audit: each reads the evidence, and yields findings with their remedies."""
