"""The command line of cmd.exe: where the script is."""

import re

_PROGRAM = re.compile(r'\s*(?:"[^"]*"|\S*?cmd(?:\.exe)?(?=[\s/,;="]|$)|[^\s"/]+)', re.IGNORECASE)
_SWITCH = re.compile(r"/[ckr]", re.IGNORECASE)
_EXECUTABLE = re.compile(r'"[^"&<>()@^|]*\s[^"&<>()@^|]*\.(?:exe|com|bat|cmd)"', re.IGNORECASE)


def script_of(line: str) -> str:
    """What a cmd.exe with this command line runs: the text after /c, /k or /r, without its outer quotes; else ""."""
    program = _PROGRAM.match(line)
    switch = _SWITCH.search(line, program.end() if program else 0)
    if switch is None:
        return ""
    script = line[switch.end() :].strip(" \t,;=")
    if not script.startswith('"'):
        return script
    last = script.rfind('"')
    if last == 0:
        return script[1:]
    kept = "/s" not in line[: switch.start()].lower() and script.count('"') == 2 and _EXECUTABLE.match(script)
    return script if kept else script[1:last] + script[last + 1 :]
