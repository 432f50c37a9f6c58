"""Other readers of Delta tables: what they see decides whether a clone is right."""
