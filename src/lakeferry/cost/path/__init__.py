"""What a path costs and carries: loads replayed minute by minute over each."""
