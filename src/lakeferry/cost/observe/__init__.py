"""What flowed, priced, and the path that each group of bytes should take."""
