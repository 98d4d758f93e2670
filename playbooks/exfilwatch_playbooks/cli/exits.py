"""Exit codes, as docs/command-line.md promises them."""

DONE = 0
INTERNAL = 1
"""A bug, or a machine that can't: no room on the disk, a database that fails."""
WRONG = 2
"""Wrong usage, settings or rules; a rule test that fails."""
UNREADABLE = 3
"""Done, but some input could not be read."""
FOUND = 4
"""Done, and there are findings of the level that `--fail-on` names, or above."""
INTERRUPTED = 130
CLOSED = 141
"""Whoever read the output has closed it (`| head`): what a shell reports of a program that SIGPIPE ended."""
TERMINATED = 143
