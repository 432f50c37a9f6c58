"""A Kinesis stream as a source of Spark's Structured Streaming, each record once"""
