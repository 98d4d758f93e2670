"""`python -m tests.servers`: keep a place for servers until Ctrl-C, so that many test sessions share them."""

import signal
import sys
from contextlib import suppress

from .running import using

if __name__ == "__main__":
    with using() as folder, suppress(KeyboardInterrupt):
        sys.stdout.write(f"export EXFILWATCH_SERVERS={folder}\n")
        sys.stdout.flush()
        signal.pause()
