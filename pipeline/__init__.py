"""Typed configuration and the wiring of the pipeline's nodes."""
