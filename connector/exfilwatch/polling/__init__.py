"""Polling: every record is looked at once in effect, whatever the SIEM does."""
