"""Rules, and a home of its own."""

from tests.machine import own_home, rules

__all__ = ["own_home", "rules"]
