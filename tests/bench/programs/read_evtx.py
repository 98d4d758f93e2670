"""Read every record of the EVTX files of a folder with the evtx package, and nothing else."""

import sys
from pathlib import Path

from evtx import PyEvtxParser

for path in sorted(Path(sys.argv[1]).rglob("*.evtx")):
    for _ in PyEvtxParser(str(path)).records_json():
        pass
