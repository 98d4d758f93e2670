"""Goes through a Shuffle workflow with shuffle-sdk, without Shuffle: `python shuffled.py < calls`.

The SDK decides over branches and fills in parameters, in the process of each node's app; here the nodes run in one, and
what Shuffle's backend would be asked is answered from memory. A line of JSON in: `{workflow, argument, answers, level,
failing}`; answers are by the questions' first names. A line out: `{went, sent}`, by the nodes' ids.
"""

import json
import logging
import sys

from shuffle_sdk import AppBase

TOLD = {}


class Answer:
    """What the backend says of the execution so far."""

    status_code = 200

    def json(self):
        return json.loads(json.dumps(TOLD["execution"]))


class App(AppBase):
    """Every app of the workflow: ours, the tools, and User Input."""

    __version__ = "1.0.0"
    app_name = "exfilwatch"

    def send_result(self, action_result, headers, stream_path):
        TOLD["result"] = dict(action_result)

    def repeat_back_to_me(self, call):
        return call

    def user_input(self, **given):
        """As the backend keeps what came by the form: its fields as JSON in the note."""
        asked = given["input_questions"]  # JSON, which the SDK has read already
        names = [each["value"].split(";")[0] for each in TOLD["questions"] if each["name"] in asked]
        note = json.dumps({name: TOLD["answers"][name] for name in names})
        return json.dumps({"success": True, "click_info": {"clicked": True, "note": note}})


def acts(name):
    def run(self, **given):
        TOLD["sent"].append([name, given])
        if name in TOLD["failing"]:
            return json.dumps({"success": False, "reason": "no"})
        return json.dumps({"success": True, **({"level": TOLD["level"]} if name == "enrich_finding" else {})})

    return run


def go(call):
    flow = call["workflow"]
    TOLD.update({**call, "questions": flow["input_questions"], "sent": []})
    nodes = {each["id"]: each for each in [*flow["actions"], *flow["triggers"]]}
    for each in flow["actions"]:
        if each["app_name"] == "exfilwatch":
            setattr(App, each["name"], acts(each["name"]))
    execution = {
        "execution_id": "1",
        "start": flow["start"],
        "execution_argument": json.dumps(call["argument"]),
        "workflow": {**flow, "execution_org": {"id": "1"}},
        "results": [],
        "status": "EXECUTING",
    }
    TOLD["execution"] = execution
    went, done = [], set()
    hooks = {each["id"] for each in flow["triggers"] if each["trigger_type"] == "WEBHOOK"}
    before = {
        node: {each["source_id"] for each in flow["branches"] if each["destination_id"] == node} - hooks
        for node in nodes
        if node not in hooks
    }
    while ready := [node for node in before if node not in done and before[node] <= done]:
        for node in ready:
            action = {"authentication": [], "authentication_id": "", **nodes[node]}
            if action["app_name"] == "User Input":
                action["name"] = "user_input"
            app = App(None, logging.getLogger("quiet"))
            app.action, app.original_action = json.dumps(action), json.dumps(action)
            app.authorization, app.current_execution_id = "1", "1"
            app.execute_action(action)
            execution["results"].append({**TOLD["result"], "action": nodes[node]})
            done.add(node)
            if TOLD["result"]["status"] == "SUCCESS":
                went.append(node)
    return {"went": went, "sent": TOLD["sent"]}


logging.disable(logging.CRITICAL)
AppBase.execute_action.__globals__["requests"].post = lambda *_, **__: Answer()
for line in sys.stdin:
    sys.stdout.write(f"\n{json.dumps(go(json.loads(line)))}\n")  # the SDK prints, too
