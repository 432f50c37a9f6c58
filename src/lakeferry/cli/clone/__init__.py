"""One table, cloned or held against its source."""
