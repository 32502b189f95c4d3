"""A verdict of `noisegrid gate` as a JSON document, a comment in Markdown and an HTML page."""
