"""The bits of each operator on a processor, in a table that two machines can compare."""
