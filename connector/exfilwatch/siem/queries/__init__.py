"""Rules in each SIEM's own language: of what a rule matches, always a superset."""
