"""One replicate, from seeds and switches to a folder. Start with train.py, which reads top to bottom."""
