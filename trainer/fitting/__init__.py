"""Fits the two towers by gradient descent: schedule, optimizer, early stopping, devices.

Selection uses `training.train` and `schedule`.
"""
