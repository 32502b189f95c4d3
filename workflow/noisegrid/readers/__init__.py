"""Readers of raw datasets.

A reader has two arguments: the folder of the raw files, and a cache folder. If the first argument is None, the reader
downloads the raw files into the cache folder; if their licence forbids an automatic download, it raises an error. A
reader returns an object of the class Raw. A reader of your own (package.module:function) must have the same signature;
`tables` and `texts` encode such data for it.
"""

from noisegrid.readers.raw import Images, Raw

__all__ = ["Images", "Raw"]
