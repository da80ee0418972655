"""Rankings and their evaluation: metrics, slices, intervals, exposure. Uses numpy alone, no TensorFlow, no TFX.

Components and `trainer/` use `ranking` and `metrics`; RetrievalEvaluator uses `report_metrics`.
"""
