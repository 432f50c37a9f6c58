"""A small lake and a stream that lakeferry makes itself, to be seen crossing on one machine."""
