"""From strings to integer ids and back: feature names, `preprocessing_fn`, the columnar executor, the vocabularies.

Every room imports `features`, the only module that defines the names of features, signatures and files.
"""
