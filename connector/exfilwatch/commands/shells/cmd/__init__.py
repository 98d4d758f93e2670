"""Scripts of cmd.exe, and the command lines that it takes them from."""

from exfilwatch.commands.shells.cmd.line import script_of
from exfilwatch.commands.shells.cmd.script import commands

__all__ = ["commands", "script_of"]
