"""The training of one replicate, from seeds and switches to a folder on disk. Start with train.py."""
