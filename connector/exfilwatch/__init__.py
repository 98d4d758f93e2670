"""exfilwatch: finds automated data exfiltration in process and network events."""

from importlib.metadata import version

__version__ = version("exfilwatch")
