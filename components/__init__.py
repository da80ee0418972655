"""The pipeline's own components, one a module."""
