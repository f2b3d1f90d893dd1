"""Logs and size reports of crystallizers: reading, checking, events, records."""
