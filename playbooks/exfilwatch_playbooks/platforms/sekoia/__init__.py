"""Sekoia: a module, as its automation library has them, whose trigger polls and whose actions are ours.

`project/` has the module's files as templates, the JSON files are made from the manifest. The module is thin:
running.py makes the platform's settings ours, and our answers the platform's.
"""

from exfilwatch_playbooks.platforms.sekoia.module import package

__all__ = ["package"]
