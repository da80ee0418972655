"""Benchmarks behind the figures in the documentation. Each takes minutes."""
