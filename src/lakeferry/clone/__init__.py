"""Faithful, incremental deep clones of Delta tables."""
