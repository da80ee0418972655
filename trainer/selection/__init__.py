"""Selects the model to push: temperature, epochs and blend weights, on withheld training books.

`run.py` uses `selection.choose`, and `model_configuration.fit` to fit the selected configuration.
"""
