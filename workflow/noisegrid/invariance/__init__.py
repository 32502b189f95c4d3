"""Which conditions of an evaluation change its result, with the same weights and examples, and by which operation."""
