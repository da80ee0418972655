"""Everything between ids and a SavedModel: models, fitting, selection, export and tuning.

Components use `run.run_fn`, `hyperparameters` and `export.holdout_model`.
"""
