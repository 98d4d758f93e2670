"""Runs the integration as the server does, in the SDK's Python: a line of JSON for a call, a line for what came of it.

    python run.py FOLDER_OF_THE_INTEGRATION FOLDER_OF_COMMON_SERVER_PYTHON

A call: `{command, params, args, last_run}`. What came of it: `{results, incidents, last_run, error}`.
"""

import json
import sys
from types import ModuleType

sys.path[:0] = sys.argv[1:3]
sys.modules["CommonServerUserPython"] = ModuleType("CommonServerUserPython")  # a site's own additions: none
import demistomock  # noqa: E402
import ExfilWatch  # noqa: E402

OUT = sys.stdout
sys.stdout = sys.stderr  # what is printed is no answer


def run(call):
    """What came of a call; the arguments are texts, as the server gives them."""
    said = {"results": [], "incidents": None, "last_run": None, "error": ""}
    demistomock.command = lambda: call["command"]
    demistomock.params = lambda: call.get("params") or {}
    demistomock.args = lambda: call.get("args") or {}
    demistomock.getLastRun = lambda: call.get("last_run") or {}
    demistomock.setLastRun = lambda last: said.update(last_run=last)
    demistomock.incidents = lambda made=None: said.update(incidents=made)
    demistomock.results = lambda made: said["results"].extend(made if isinstance(made, list) else [made])
    try:
        ExfilWatch.main()
    except SystemExit:
        pass  # return_error ends so
    except Exception as error:  # noqa: BLE001 any: as the server does
        said["error"] = str(error)  # as the server shows it where a fetch fails
    return said


for line in sys.stdin:
    OUT.write(json.dumps(run(json.loads(line))) + "\n")
    OUT.flush()
