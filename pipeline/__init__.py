"""The pipeline graph, its configuration, and its two runners.

`graph.py` defines the graph. `local/` runs it on this machine; `kubeflow/` compiles it and runs it on Kubeflow.
"""
