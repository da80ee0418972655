"""Compares this pipeline, stock TFX components and the notebook's steps on the same reviews: `make bench`."""
