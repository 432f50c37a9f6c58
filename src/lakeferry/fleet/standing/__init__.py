"""Where a migration stands and how long it will take; its ledger read back where it was lost."""
