"""The network of a migration as it is typed: seen, guarded, moved."""
