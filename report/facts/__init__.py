"""The typed facts of a run, as stored in `facts.json`."""
