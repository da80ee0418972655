"""InteractionSplitter: splits the reviews into training and hold-out."""
