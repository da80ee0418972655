"""Pushed versions: the push folder, its history, rollback, prune and archives.

Operators use `python -m registry.release` and `python -m registry.archive`; other rooms use `push_folder`.
"""
