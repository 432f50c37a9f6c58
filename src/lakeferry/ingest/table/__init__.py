"""The table of an ingest and that of its bad records: made, checked, committed to."""
