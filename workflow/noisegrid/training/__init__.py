"""One replicate, from seeds and switches to a folder: the heart of it is train.py, which reads top to bottom."""
