"""A plan as it is read: its keys and values, each path of it, the choice, what would change it."""
