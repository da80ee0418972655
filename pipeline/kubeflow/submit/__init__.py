"""The client of the API server: packages, runs, schedules, waiting, and the cause of a failure."""
