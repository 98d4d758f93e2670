"""Ways to start the same program that survive in its argument vector: names, paths, programs around it, options."""

import re
from functools import lru_cache
from pathlib import Path

import msgspec

from exfilwatch.packaged import read_yaml

from ..process_starts import Started  # noqa: TID252 (tests are no package on the path)
from .line import Change, Changed, Line, Transformation


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """What options.yml says of a tool."""

    options: list[tuple[str, str]]
    flags: list[str] = []
    renamed_flags: dict[str, str] = {}
    equals: bool = False
    glued: bool = False
    abbreviated: bool = False


@lru_cache(1)
def tools() -> dict[str, Options]:
    text = Path(__file__).with_name("options.yml").read_text("utf-8")
    return msgspec.convert(read_yaml(text), dict[str, Options])


_QUOTED = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")


def _words(line: Line) -> list[str]:
    """The words, with their quotes."""
    return _QUOTED.findall(line.text)


def _started(line: Line, image: str, name: str) -> Started:
    """The program under an image and a name of its own, as the record has it."""
    rest = line.text[len(_words(line)[0]) :]
    return Started(image, name + rest, r"C:\Windows\explorer.exe" if line.system == "windows" else "/usr/bin/bash")


def _as(windows: tuple[str, str], posix: tuple[str, str]) -> Change:
    """The program's image and its name: `{image}`, `{word}`, `{name}`, `{folder}`."""

    def change(line: Line) -> Changed:
        if not line.image:
            return None
        image, name = windows if line.system == "windows" else posix
        file = re.split(r"[\\/]", line.image)[-1]
        said = {
            "image": line.image,
            "word": _words(line)[0],
            "file": file,
            "folder": line.image[: -len(file) - 1],
            "upper": line.image.upper(),
            "slashes": line.image.replace("\\", "/"),
            "stem": re.sub(r"(?i)\.exe$", "", file),
        }
        return _started(line, image.format(**said), name.format(**said))

    return change


def _run_by(program: str, before: str) -> Change:
    """The program run by another one, which is recorded."""

    def change(line: Line) -> Changed:
        if not line.image or line.system == "windows":
            return None
        return Started(f"/usr/bin/{program}", f"{before} {line.text}", "/usr/bin/bash")

    return change


def _options(how: str) -> Change:
    def change(line: Line) -> Changed:
        words = _words(line) if line.image else []
        told = tools().get(re.sub(r"(?i)\.exe$", "", words[0]).lower()) if words else None
        if told is None or "\n" in line.text:
            return None
        known = {name for pair in told.options for name in pair} | {*told.flags, *told.renamed_flags}
        if how.startswith("options ") and any(word[0] == "-" and word.partition("=")[0] not in known for word in words):
            return None
        changed = [words[0], *_rewritten(told, words[1:], how)]
        parent = r"C:\Windows\explorer.exe" if line.system == "windows" else "/usr/bin/bash"
        return None if changed == words else Started(line.image, " ".join(changed), parent)

    return change


def _rewritten(told: Options, words: list[str], how: str) -> list[str]:
    pairs = {name: (short, long) for short, long in told.options for name in (short, long) if name}
    found: list[list[str]] = []
    at = 0
    while at < len(words):
        word = words[at]
        name, equals, value = word.partition("=")
        if word in pairs and at + 1 < len(words):
            found.append(_option(told, pairs[word], word, words[at + 1], how, " "))
            at += 2
            continue
        if equals and name.startswith("--") and name in pairs:
            found.append(_option(told, pairs[name], name, value, how, "="))
        elif how == "long options" and word in told.renamed_flags:
            found.append([told.renamed_flags[word]])
        else:
            found.append([word])
        at += 1
    if how == "a flag before":
        found = [told.flags[:1], *found] if told.flags else found
    if how == "bundled" and told.flags:
        letters = "".join(flag[1] for flag in told.flags[:2])
        at = next(
            (
                at
                for at, each in enumerate(found)
                if len(each[0]) >= 2 and each[0][0] == "-" and each[0][1] != "-" and each[0] in pairs
            ),
            -1,
        )
        if at >= 0 and told.glued:
            found[at] = [f"-{letters}{found[at][0][1:]}", *found[at][1:]]
    if how == "options last":
        options = [each for each in found if each[0][:1] == "-"]
        found = [each for each in found if each[0][:1] != "-"] + options
    if how == "options reversed":
        options = [each for each in found if each[0][:1] == "-"][::-1]
        found = options + [each for each in found if each[0][:1] != "-"]
    return [word for each in found for word in each]


def _option(told: Options, names: tuple[str, str], name: str, value: str, how: str, mark: str) -> list[str]:
    short, long = names
    match how:
        case "long options" if long:
            return [f"{long}={value}"] if mark == "=" else [long, value]
        case "short options" if short:
            return [short, value]
        case "options with =" if told.equals and long:
            return [f"{long}={value}"]
        case "options with blanks" if long:
            return [long, value]
        case "glued" if told.glued and short:
            return [f"{short}{value}"]
        case "abbreviated" if told.abbreviated and len(long) > 6 and mark == "=":
            return [f"{long[:-1]}={value}"]
    return [f"{name}={value}"] if mark == "=" else [name, value]


_HIDDEN = {
    "sudo": "sudo -u root -n",
    "env": "env A=1",
    "nohup": "nohup",
    "timeout": "timeout -s KILL 5m",
    "setsid": "setsid -f",
    "nice": "nice -n19",
    "xargs": "xargs -n1",
    "ionice": "ionice -c 2 -n 7",
    "strace": "strace -f -o /dev/null",
}

PROGRAM = [
    Transformation(name, change)
    for name, change in {
        "renamed, with its name": _as(
            (r"C:\Users\Public\svc.exe", r"C:\Users\Public\svc.exe"), ("/tmp/.x/svc", "/tmp/.x/svc")
        ),
        "renamed as a system program": _as(
            (r"C:\ProgramData\svchost.exe", "svchost.exe"), ("/dev/shm/kworker", "./kworker")
        ),
        "renamed, the name kept": _as((r"C:\Users\Public\a.exe", "{word}"), ("/var/tmp/a", "{word}")),
        "another name": _as(("{image}", "svchost"), ("{image}", "[kthreadd]")),
        "image in upper case": _as(("{upper}", "{word}"), ("{image}", "{word}")),
        "full path": _as(("{image}", '"{image}"'), ("{image}", "{image}")),
        "path through ..": _as(("{image}", r'"{folder}\.\{file}"'), ("{image}", "/usr/../usr/bin/./{file}")),
        "long path": _as(("{image}", r'"\\?\{image}"'), ("{image}", "//usr//bin//{file}")),
        "slashes": _as(("{image}", '"{slashes}"'), ("{image}", "{word}")),
        "without .exe": _as(("{image}", "{stem}"), ("{image}", "{word}")),
        **{f"run by {name}": _run_by(name, before) for name, before in _HIDDEN.items()},
        **{
            how: _options(how)
            for how in (
                "long options",
                "short options",
                "options with =",
                "options with blanks",
                "glued",
                "abbreviated",
                "a flag before",
                "bundled",
                "options last",
                "options reversed",
            )
        },
    }.items()
]
