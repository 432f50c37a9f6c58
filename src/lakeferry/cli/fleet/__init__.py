"""A migration as it is typed: discover, plan, sync, verify, cut over, roll back, status."""
