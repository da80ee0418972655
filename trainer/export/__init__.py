"""The SavedModel: signatures, search over all books, quantised tables, warm-up requests, the hold-out model.

`run.py` uses `saved_model.export`; RetrievalEvaluator reads `holdout_model`.
"""
