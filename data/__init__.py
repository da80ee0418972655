"""Reviews: the contract, the bundled sample, the CSV reader, histories in memory, and synthetic data.

Other rooms use `histories`, `example_schema` and `reviews`.
"""
