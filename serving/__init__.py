"""Asks a pushed model, by its folder or over the network, and checks its serving contract.

Imports no TFX. Consumers use `client`; `python -m serving.recommend` is the command line.
"""
