"""Compiles a configuration into a pipeline that the chosen release of the backend accepts."""
