"""The command line: one file per family of commands. Nothing heavy is imported before a command needs it."""

from exfilwatch_playbooks.cli.boundary import main

__all__ = ["main"]
