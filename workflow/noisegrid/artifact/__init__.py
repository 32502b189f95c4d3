"""The artifact-evaluation package: how it is written and opened, and how every number in it is checked."""
