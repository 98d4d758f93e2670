"""Types are read by many threads, and msgspec must not work one out in two of them at once: see structs.py."""

import ast
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from exfilwatch.structs import ready

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("connector/**/*.py"), *ROOT.glob("playbooks/**/*.py")]
PLAIN = {"str", "int", "float", "bool", "bytes", "list", "dict", "datetime", "msgspec", "Raw"}


def read_as(tree: ast.AST) -> Iterator[ast.expr]:
    """What `msgspec.convert(_, KIND)` and `msgspec.json.decode(_, type=KIND)` are given."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("msgspec."):
            if ast.unparse(call.func) == "msgspec.convert":
                yield call.args[1]
            yield from (each.value for each in call.keywords if each.arg == "type")


def is_safe(kind: ast.expr) -> bool:
    """Made ready, or without a Struct in it."""
    names = {each.id for each in ast.walk(kind) if isinstance(each, ast.Name)}
    return (isinstance(kind, ast.Call) and ast.unparse(kind.func) == "ready") or names <= PLAIN


def test_what_is_read_is_made_ready_first():
    found = [(path, kind) for path in FILES for kind in read_as(ast.parse(path.read_text("utf-8")))]
    assert len(found) >= 40
    assert [(path.name, ast.unparse(kind)) for path, kind in found if not is_safe(kind)] == []


def test_one_thread_works_a_type_out(monkeypatch: pytest.MonkeyPatch):
    class Made(msgspec.Struct):
        said: str

    worked_out: list[type] = []
    barrier, decoder = threading.Barrier(8), msgspec.msgpack.Decoder

    def slowly(kind: type) -> object:
        worked_out.append(kind)
        threading.Event().wait(0.05)  # for others to come in, if they can
        return decoder(kind)

    def read() -> None:
        barrier.wait()
        msgspec.convert({"said": "it"}, ready(Made))

    monkeypatch.setattr(msgspec.msgpack, "Decoder", slowly)
    threads = [threading.Thread(target=read) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert worked_out == [Made]
