"""`python soar.py STEPS STORE`, in the SDK's environment and the app's folder: the platform around the app.

The SDK's own runner runs each step; containers and artifacts go where the SDK's stand-in for the platform drops them:
into STORE, a folder that outlives the process. As on the platform, a container is known again by its
source_data_identifier, and so is an artifact within it. STEPS (JSON): a list of `action`, `params` and `asset`. `die`
ends the process, as if by the machine, before so many calls to save were answered. Prints what each step answered.
"""

import contextlib
import fcntl
import io
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from soar_sdk.actions_manager import ActionsManager
from soar_sdk.app_cli_runner import AppCliRunner
from src.app import app

steps, store = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
store.mkdir(exist_ok=True)
left = steps[0].get("die", -1)


@contextlib.contextmanager
def kept():
    """What the platform has; nobody else has it meanwhile."""
    with (store / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = store / "containers.json"
        containers = json.loads(file.read_text()) if file.exists() else []
        yield containers
        file.with_suffix(".new").write_text(json.dumps(containers))
        file.with_suffix(".new").replace(file)


def perhaps_die():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def save_container(_self, container, fail_on_duplicate=False):
    with kept() as containers:
        for number, each in enumerate(containers):
            if each["container"]["source_data_identifier"] == container["source_data_identifier"]:
                each["again"] += 1
                return True, "Duplicate container found", number + 1
        containers.append({"container": container, "artifacts": [], "again": 0, "refused": 0})
        number = len(containers)
    perhaps_die()
    return True, "Container created", number


def save_artifacts(_self, artifacts):
    with kept() as containers:
        for each in artifacts:
            its = containers[each["container_id"] - 1]
            if each["source_data_identifier"] in {known["source_data_identifier"] for known in its["artifacts"]}:
                its["refused"] += 1
            else:
                its["artifacts"].append(each)
    perhaps_die()
    return True, "Artifacts saved", [1]


ActionsManager.save_container, ActionsManager.save_artifacts = save_container, save_artifacts
answers = []
for step in steps:
    with tempfile.TemporaryDirectory() as folder:
        words = ["action", step["action"]]
        for option, name in (("-p", "params"), ("-a", "asset")):
            if name in step:
                file = Path(folder) / name
                file.write_text(json.dumps(step[name]))
                words += [option, str(file)]
        app.actions_manager.action_results.clear()
        app.__dict__.pop("_asset", None)  # each step is a process of its own on the platform
        app.actions_manager.save_state({})
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            AppCliRunner(app).run(words)
        results = [
            {
                "success": each.get_status(),
                "message": each.get_message(),
                "data": each.get_data(),
                "summary": each.get_summary(),
            }
            for each in app.actions_manager.get_results()
        ]
        view = app.actions_manager.get_action(step["action"].replace("-", "_")).meta.view_handler
        shown = ""
        if view and results and results[0]["success"]:
            context = {"QS": {}, "container": 1, "app": 1, "no_connection": False, "google_maps_key": False}
            runs = [({"total_objects": 1, "total_objects_successful": 1}, app.actions_manager.get_results())]
            shown = view(step["action"], runs, context)
        answers.append({"results": results, "printed": printed.getvalue(), "shown": shown})
sys.stdout.write(json.dumps(answers))
