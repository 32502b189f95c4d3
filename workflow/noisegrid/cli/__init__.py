"""The `noisegrid` command: one file per subcommand, imported only when that subcommand is called."""
