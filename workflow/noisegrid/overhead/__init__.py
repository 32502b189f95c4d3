"""What determinism costs: one network's training step under every arm, in blocks that take turns."""
