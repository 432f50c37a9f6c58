"""Catalogs that know tables by name: Unity Catalog, Glue, Hive's metastore, a workspace's own."""
