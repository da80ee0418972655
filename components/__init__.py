"""The pipeline's own TFX components, grouped by stage, one per module: thin wrappers around plain functions.

`pipeline.graph` connects them. `artifacts/` holds the code of the artifacts that they exchange.
"""
