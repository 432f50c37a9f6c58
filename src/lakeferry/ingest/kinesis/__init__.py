"""Kinesis itself: signed requests, typed answers, shards and their parents, records of the KPL."""
