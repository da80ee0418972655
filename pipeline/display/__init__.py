"""Shows the steps and progress of a run, on a terminal or in a log."""
