"""Where bytes lie: one promise, kept by each kind of store."""
