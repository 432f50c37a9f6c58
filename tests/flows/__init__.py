"""Whole flows: real tables cloned, grown and cloned again, streams and writers moved along."""
