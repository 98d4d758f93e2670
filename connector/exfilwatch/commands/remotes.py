"""Remotes of git that a script names: what it pushes to such a name afterwards goes to that URL.

Sources: git-remote(1), git-config(1) (remote.NAME.url, remote.NAME.pushurl), git-push(1).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from exfilwatch.commands.command import Command

_MOST: Final = 20
"""Remotes that are kept of one line."""
_VALUED: Final = frozenset(["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"])
_TAKES: Final = frozenset(["-t", "-m", "-o", "--push-option", "--receive-pack", "--exec", "--repo"])
_SETTINGS: Final = ("url", "pushurl")


def named(commands: Iterable[Command]) -> Iterator[Command]:
    """The commands, with URLs in the places of the remotes that earlier ones named."""
    remotes: dict[str, str] = {}
    for command in commands:
        if command.program == "git":
            at = verb(command.words)
            if at and command.words[at] == "push" and remotes:
                _put(command, at, remotes)
            elif at and len(remotes) < _MOST and (found := remote(command.words[at:])):
                remotes[found[0]] = found[1]
        yield command


def verb(words: list[str]) -> int:
    """Where git's own command stands in its words, behind the options of git itself; 0 where there is none."""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _VALUED else 1
    return at if at < len(words) else 0


def remote(words: list[str]) -> tuple[str, str] | None:
    """The name and the URL of a remote that `remote add`, `remote set-url` or `config` sets."""
    given = arguments(words[1:])
    match words[0], given:
        case "remote", ["add" | "set-url", name, url, *_]:
            return name, url
        case "config", [*_, setting, url] if setting.startswith("remote.") and setting.endswith(_SETTINGS):
            return setting.removeprefix("remote.").rpartition(".")[0], url
    return None


def arguments(words: list[str]) -> list[str]:
    """The words that are no options and no values of such."""
    return [word for at, word in enumerate(words) if not word.startswith("-") and not (at and words[at - 1] in _TAKES)]


def _put(command: Command, at: int, remotes: dict[str, str]) -> None:
    """What is pushed to without a name goes to `origin`, where the script named it."""
    places = [place for place, word in enumerate(command.words) if place > at and word in remotes]
    if places:
        command.words[places[0]] = remotes[command.words[places[0]]]
    elif "origin" in remotes and not arguments(command.words[at + 1 :]):
        command.words.append(remotes["origin"])
