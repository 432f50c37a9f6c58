"""Where an ingest stands, where another consumer stands, and the way from one to the other."""
