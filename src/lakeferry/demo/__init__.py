"""A small lake that lakeferry makes itself, to be seen crossing on one machine."""
