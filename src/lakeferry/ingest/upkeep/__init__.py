"""What a table needs beside commits: checkpoints, a short log, fewer files."""
