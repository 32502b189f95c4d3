"""The overhead of determinism: one network's training step under every arm, timed in interleaved blocks."""
