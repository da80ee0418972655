"""What sets the environment up, looks at it, and writes generated documents."""
