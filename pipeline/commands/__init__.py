"""Further commands: tuning, TensorBoard, the index of reports."""
