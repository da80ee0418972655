"""Kubeflow Pipelines v2: compiling the pipeline for it, and what runs in its containers."""
