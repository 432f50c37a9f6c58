"""Databricks: VPC endpoints in its accounts, tags in its workspaces."""
