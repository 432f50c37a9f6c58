"""Sources looked at side by side: which tables, checkpoints and folders there are."""
