"""Compiles a FortiSOAR collection with fsr-playbooks, without FortiSOAR: `python fortified.py < call`.

JSON in: `{collection, info}`, the connector's info.json among what the compiler knows. JSON out: what it finds wrong.
"""

import json
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import fsr_playbooks
from fsr_playbooks.compiler import decompiler, pipeline, wire


def known(reference, info):
    """The reference of the compiler, with our connector in it."""
    database = sqlite3.connect(reference)
    name = info["name"]
    database.execute(
        "insert into connectors (name, version, label, source) values (?, ?, ?, 'rpm_info_json')",
        (name, info["version"], info["label"]),
    )
    for each in info["operations"]:
        database.execute(
            "insert into operations (connector_name, op_name, title, output_schema_json) values (?, ?, ?, ?)",
            (name, each["operation"], each["title"], json.dumps(each["output_schema"])),
        )
        for place, field in enumerate(each["parameters"]):
            database.execute(
                "insert into operation_params (connector_name, op_name, param_name, title, type, required,"
                " options_json, ord) values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(name, each["operation"], field["name"], field["title"], field["type"], field["required"]),
                    json.dumps(field["options"]) if "options" in field else None,
                    place,
                ),
            )
    database.commit()
    database.close()


call = json.load(sys.stdin)
with tempfile.TemporaryDirectory() as folder:
    reference = Path(folder) / "reference.db"
    shutil.copy(Path(fsr_playbooks.__file__).parent / "_data/fsr_reference.db", reference)
    known(reference, call["info"])
    wire.parse_live_collection(call["collection"])
    done = pipeline.compile_yaml(decompiler.decompile_to_yaml(call["collection"], reference), reference)
json.dump([f"{each.severity}: {each.path}: {each.message}" for each in done.errors], sys.stdout)
