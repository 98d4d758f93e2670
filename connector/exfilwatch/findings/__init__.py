"""Findings: explained results with stable ids, grouped into incidents, and their store."""
