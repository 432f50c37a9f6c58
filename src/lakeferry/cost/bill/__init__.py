"""What was billed: read as AWS delivers it, set beside what was copied and seen."""
