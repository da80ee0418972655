"""Sets up and checks the environment, with Python's standard library only."""
