"""Seven steps from a table that is synced to one that is used at its target."""
