"""Series that outlive CloudWatch's 15 days."""
