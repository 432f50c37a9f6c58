"""A whole migration from one manifest: sources, waves, limits, and the tables that are meant."""
