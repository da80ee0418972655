"""Hyper-parameter search: folds, trials, and the study that stores them.

The Tuner component uses `search`.
"""
