"""Playbook actions, cases and the command line: what people and SOAR platforms call."""
