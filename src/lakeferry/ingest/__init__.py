"""A Kinesis stream into a Delta table, exactly once: rows and positions lie in one commit."""
