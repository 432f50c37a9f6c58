"""Back to the source: what was written since is carried, files of ours are purged."""
