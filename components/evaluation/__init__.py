"""RetrievalEvaluator: compares the new model with popularity and the served model, and blesses or refuses it."""
