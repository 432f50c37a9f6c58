"""Seeing every byte of a migration: rules and alarms, proven before they are deployed."""
