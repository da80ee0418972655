"""This pipeline, the stock TFX chain and the notebook's steps on the same reviews: `make bench`."""
