"""Scripts that set up and check the environment, and write generated documents."""
