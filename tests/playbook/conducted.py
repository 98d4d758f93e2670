"""Conducts an Orquesta workflow in StackStorm's own library, without StackStorm: `python conducted.py < calls`.

A line of JSON in: `{workflow, given, answers, failing}`; what tasks answer, by their names, and which fail. A line out:
`{errors, went, status}`: the tasks that were run, in order.
"""

import json
import sys

from orquesta import conducting, events, statuses
from orquesta.specs.native.v1 import models


def conduct(call):
    """What came of a call."""
    spec = models.WorkflowSpec(call["workflow"])
    errors = spec.inspect()
    if errors:
        return {"errors": errors, "went": [], "status": ""}
    conductor = conducting.WorkflowConductor(spec, inputs=call["given"])
    conductor.request_workflow_status(statuses.RUNNING)
    went = []
    waiting = conductor.get_next_tasks()
    while waiting:
        name, route = waiting[0]["id"], waiting[0]["route"]
        went.append(name)
        conductor.update_task_state(name, route, events.ActionExecutionEvent(statuses.RUNNING))
        status = statuses.FAILED if name in call["failing"] else statuses.SUCCEEDED
        event = events.ActionExecutionEvent(status, result=call["answers"].get(name))
        conductor.update_task_state(name, route, event)
        waiting = conductor.get_next_tasks()
    return {"errors": {}, "went": went, "status": conductor.get_workflow_status()}


for line in sys.stdin:
    sys.stdout.write(json.dumps(conduct(json.loads(line))) + "\n")
