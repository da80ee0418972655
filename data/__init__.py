"""The bundled sample, the curated schema, and the tools that make and import reviews."""
