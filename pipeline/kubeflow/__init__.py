"""Kubeflow Pipelines v2: the compiler, the client, and the code that runs in pods."""
