"""Connections: values that say how to reach a service, and the clients made of them."""
