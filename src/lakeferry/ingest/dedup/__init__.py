"""Rows whose key came before within a window are left out."""
