"""What a table demands of its rows: generated columns, CHECK constraints, and their SQL."""
