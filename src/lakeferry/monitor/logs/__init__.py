"""Flow logs where they lie: read as they come, by path, by sender, against a plan."""
