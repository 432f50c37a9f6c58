"""Prices as values, their ladders, and their import from the providers' lists."""
