"""ServingValidator, which tests how the model is served, and AtomicPusher, which pushes it as a version."""
