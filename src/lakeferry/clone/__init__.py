"""Faithful, incremental deep clones of Delta tables, and their proof."""
