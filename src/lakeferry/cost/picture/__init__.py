"""A migration's price as pictures."""
