"""Starts the module's main.py as the platform's container does, with the container's /symphony_data elsewhere.

Run by the Python of the SDK's environment: launch.py FOLDER COMMAND. The server that tells the container's health would
listen to other machines, and is left out.
"""

import runpy
import sys

from sekoia_automation import constants
from sekoia_automation.trigger import Trigger

constants.DATA_STORAGE = sys.argv.pop(1)
Trigger.start_monitoring = lambda self: None
sys.path.insert(0, ".")
runpy.run_path("main.py", run_name="__main__")
