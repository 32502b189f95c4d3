"""Check whether the seeds of a training function do what their names say."""
