"""Microsoft's auoms (Azure Monitor on Linux): a whole audit event on one line, its arguments joined already.

    type=AUOMS_EXECVE audit(1652292621.986:84138): SchemaVersion="1" auoms_version=2.5.2.0 node=UBUNTU5 syscall=execve
    success=yes pid=17790 ppid=1340 user=tomcat exe="/bin/bash" argc=3 cmdline="bash -c "echo x"" redactors=

A document has these fields as they are (and so the field map is shapes/auoms.yml), with `type`, `time`, `serial` of the
head and `parent: {"exe", "cmdline"}` from earlier events. Source: https://github.com/microsoft/OMS-Auditd-Plugin
"""

import re

from exfilwatch.events.event import Value
from exfilwatch.events.lineage import Lineage

_HEAD = re.compile(r"type=(AUOMS_[A-Z_]{1,40}) (?:msg=)?audit\((\d{1,12}(?:\.\d{1,9})?):(\d{1,20})\): ?", re.ASCII)
_FIELD = re.compile(r'([A-Za-z_]\w*)=("[^"]*"|\[[^\]]*\]|[^\s]*)', re.ASCII)
# Free text, whose quotes are not escaped, stands between the other fields and `redactors`.
_TEXT = re.compile(r" (cmdline|proctitle)=")
_END = " redactors="


def is_auoms(text: str) -> bool:
    """Whether a line is of this form."""
    return _HEAD.search(text, 0, 4096) is not None


def auoms_document(text: str, lineage: Lineage) -> dict[str, Value]:
    """The document of one event."""
    head = _HEAD.search(text, 0, 4096)
    body = text[head.end() :] if head else text
    document: dict[str, Value] = {"type": head[1], "time": head[2], "serial": head[3]} if head else {}
    free = _TEXT.search(body)
    if free:
        end = body.rfind(_END)
        end = len(body) if end < free.end() else end
        document[free[1]] = _unquoted(body[free.end() : end].strip())
        body = body[: free.start()] + body[end:]
    for name, value in _FIELD.findall(body):
        document.setdefault(name, _unquoted(value))
    _parent(document, lineage)
    return document


def _parent(document: dict[str, Value], lineage: Lineage) -> None:
    node, pid, ppid, exe = (str(document.get(name) or "") for name in ("node", "pid", "ppid", "exe"))
    if document.get("syscall") in ("execve", "execveat") and document.get("success") == "yes" and exe:
        lineage.executed(node, pid, exe, [str(document.get("cmdline") or "")])
    parent = lineage.of(node, ppid)
    if parent:
        document["parent"] = {"exe": parent.exe, "cmdline": parent.argv[0] if parent.argv else None}


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
