"""What a consumer of the pushed model needs. Imports no TFX."""
