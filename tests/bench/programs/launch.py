"""Run a command and write what it cost: `launch.py RESULT COMMAND...`, as JSON {code, cpu (s), peak (KiB)}.

A child's ru_maxrss starts from the size of the process it was forked from, so that the benchmark itself, which is
large, must not fork what it measures. The numbers include the command's own children (wait4(2)).
"""

import json
import os
import sys


def main() -> None:
    """Fork, exec, wait, write."""
    result, *command = sys.argv[1:]
    child = os.fork()
    if child == 0:
        os.execvp(command[0], command)
    _, status, usage = os.wait4(child, 0)
    unit = 1024 if sys.platform == "darwin" else 1
    cost = {
        "code": os.waitstatus_to_exitcode(status),
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss // unit,
    }
    with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123 pathlib doubles the size of this process
        json.dump(cost, file)


if __name__ == "__main__":
    main()
