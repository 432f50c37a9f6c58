"""Tables held against their sources, and receipts of what was proven."""
