"""Train replicates, from seeds and switches to folders on disk. To read the code, start with train.py."""
