"""What a migration remembers: runs, tables, landed files, checks, events, in one SQLite file."""
