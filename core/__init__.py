"""Shared by all rooms: errors and exit codes, progress, pseudonyms, text for terminals, settings of the process.

It imports neither TensorFlow nor TFX, and no other room of this project.
"""
