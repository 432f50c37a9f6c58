"""What a migration costs as it is typed: before, while and after."""
