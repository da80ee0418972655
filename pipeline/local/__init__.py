"""The local runner: checks before a run, the run, its step record and its report."""
