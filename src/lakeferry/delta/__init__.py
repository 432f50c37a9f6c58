"""Delta's transaction log: values, names, reconciliation, commits. No I/O but through a Store."""
