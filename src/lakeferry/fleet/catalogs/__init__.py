"""What the target's catalog is told of tables, and whether it agrees with the ledger."""
