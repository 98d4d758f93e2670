"""One enricher each: see enricher.py."""
