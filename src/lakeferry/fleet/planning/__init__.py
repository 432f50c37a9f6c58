"""What a sync would do with each table, how long it takes and what it costs; kept as a file."""
