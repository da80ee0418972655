"""The pipeline on Kubeflow Pipelines: what is compiled, and what its containers run."""
