"""What a manifest wants of a migration: filled in, checked, proposed; which tables are meant."""
