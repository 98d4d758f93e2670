"""Tuning: from findings that people marked as false positives to the narrowest filter that silences them."""
