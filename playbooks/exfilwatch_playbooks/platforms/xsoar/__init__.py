"""Cortex XSOAR and XSIAM: a content pack, whose integration talks to the HTTP service.

The platform brings its own Python, so nothing of exfilwatch runs there: the integration is one file that asks the
service, with a table of the commands that is made from the actions.
"""

from exfilwatch_playbooks.platforms.xsoar.pack import package

__all__ = ["package"]
