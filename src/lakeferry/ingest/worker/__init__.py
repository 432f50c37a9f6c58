"""Worker processes: pages of shards into files, batches of files to the coordinator."""
