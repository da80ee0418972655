"""What the pipeline needs on Kubeflow Pipelines and nowhere else."""
