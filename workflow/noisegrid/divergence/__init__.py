"""Where two runs first differ: which operation, in which module, at which step."""
