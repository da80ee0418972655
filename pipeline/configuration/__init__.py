"""The configuration of a run: flags, TOML file, bounds and validation."""
