"""Watches the path of this NAT instance and of its peers, and moves the routes of a dead one."""
