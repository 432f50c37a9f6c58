"""Bytes of records -> Arrow by a declared schema, all of a page at once; bad ones told apart."""
