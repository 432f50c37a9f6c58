"""Prove that a clone is its source: log states, bytes, footers, rows."""
