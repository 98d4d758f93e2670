"""Does `run-action` for each step in one process: steps.py MODULES MODULE DATA STEPS, steps as JSON; prints answers."""

import json
import sys
from pathlib import Path

from sekoia_automation.scripts.action_runner import ModuleItemRunner

modules, module, data, steps = sys.argv[1:]
answers = []
for name, arguments in json.loads(steps):
    runner = ModuleItemRunner(class_name=name, module_name=module, root_path=Path(modules), data_path=Path(data))
    answers.append(runner.run(args=arguments))
sys.stdout.write(json.dumps(answers) + "\n")
