"""NAT instances that recover: sized, made, watched, led to and back from."""
