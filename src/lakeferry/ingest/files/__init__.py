"""Rows into Parquet files: partitions, forms, statistics."""
