"""Tuner: searches for better hyper-parameters."""
