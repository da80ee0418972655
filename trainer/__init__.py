"""Hyper-parameters, towers, loss, metrics and export of the two-tower model."""
