"""Networks as PyTorch modules.

A builder is a function that returns an untrained network. Its arguments describe the data (see data.form.Form), and are
the dropout rate if the task uses dropout, and the options from the catalog. The initial weights are drawn from
PyTorch's global generator, which noise.seed_global seeds from the `init` stream.
"""
