"""Code that runs in a pod: TFX's entrypoint with artifacts in any object store, and a check of the image."""
