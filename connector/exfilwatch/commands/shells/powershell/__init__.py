"""Scripts of PowerShell, and the command lines that powershell.exe and pwsh take them from."""

from exfilwatch.commands.shells.powershell.line import script_of
from exfilwatch.commands.shells.powershell.script import commands

__all__ = ["commands", "script_of"]
