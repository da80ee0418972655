"""Measurements that take minutes: what the documentation claims, with the commands that show it."""
