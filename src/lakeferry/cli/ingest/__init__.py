"""A stream as it is typed."""
