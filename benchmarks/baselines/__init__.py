"""Baselines of `make bench-quality`, tuned on validation users: popularity, item-kNN, EASE and implicit ALS."""
