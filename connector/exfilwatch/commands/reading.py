"""Commands read with the catalogue: what each does, with what, and where to."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import NamedTuple

import msgspec

from exfilwatch.commands.calls import is_call
from exfilwatch.commands.command import Command
from exfilwatch.commands.destinations import destination
from exfilwatch.commands.expression import NAMED, clues, expression
from exfilwatch.commands.options import Arguments, arguments
from exfilwatch.commands.tool import Form, Selector, Selectors, Tool, catalogue, several
from exfilwatch.commands.wrappers import wrapper

TRANSFERS = frozenset(["upload", "download", "offer", "tunnel", "relay"])
"""What a command does at most one of: the first form that is meant counts."""
_PACKS = frozenset(["archive", "encrypt", "encode", "split"])
"""What a command that takes something apart (an `extract` before it) does not do."""
_LONGEST_NAME = 255
"""Characters of a file's name; fnmatch takes the square of a longer pattern's time."""
_GLOB = re.compile(r"[?*\[]")
_FEW = 4
"""Programs that a glob may mean."""
_SHARE = re.compile(r"\\\\[^\\/?.]")
_NOTHING = re.compile(rf"{NAMED['nothing']}|^(?i:nul)$")
"""Devices that hold nothing."""
_LONGEST = 8192
"""Characters of a text that a selector keeps."""


class Action(msgspec.Struct, frozen=True):
    """One thing that a command does. `sources`: what is sent or packed, as the command names it; `destinations`: where
    to, as it names it; `output`: what is made; `content`: file, folder, input, inline, call, package or unknown;
    `secret`: whether it carries a password or key; `within`: the programs that run the command (sudo, schtasks,
    xargs, ...)."""

    does: str
    tool: str
    family: str = "other"
    protocol: str = ""
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    destination_class: str = ""
    output: str = ""
    content: str = "file"
    sensitive: str = ""
    secret: bool = False
    compressed: bool = False
    renamed: bool = False
    within: tuple[str, ...] = ()


class _Seen(NamedTuple):
    """A command as a tool's entry sees it."""

    tool: Tool
    command: Command

    def texts(self, parsed: Arguments, selectors: Selectors) -> list[str]:
        """What the first of the selectors that gives something gives."""
        for selector in several(selectors):
            found = self._named(parsed, selector)
            if found and selector.joined:
                found = list(filter(None, [" ".join(found)]))
            if found and selector.unlike:
                unlike = expression(selector.unlike)
                found = [text for text in found if not unlike.search(text)]
            if found and selector.like:
                found = _like(found, selector.like)
            if found:
                return [text[:_LONGEST] for text in found]
        return []

    def carried(self, parsed: Arguments, selectors: Selectors) -> list[str]:
        """What is sent: where a record has lost its quotes, with the words that they held together."""
        found = self.texts(parsed, selectors)
        if any(text.count("{") != text.count("}") or text.count('"') % 2 for text in found):
            begin, end = (self.command.raw.find(found[0]), max(map(self.command.raw.rfind, '}]>"')))
            found.append(self.command.raw[begin : end + 1])
        return found

    def _named(self, parsed: Arguments, selector: Selector) -> list[str]:
        found: list[str] = []
        for option in selector.option:
            if option in parsed.options:
                found += parsed.options[option]
        if selector.argument != "":
            found += _arguments(parsed.arguments, selector.argument)
        if selector.word:
            found += self.command.words[1:]
        if selector.output:
            found += self.command.writes
        if selector.piped:
            found += [" ".join(each.words) or each.raw for each in self.command.piped]
        if selector.into and self.command.into:
            found.append(self.command.into)
        if selector.input:
            found += _input(self.command, selector.input)
        if selector.code:
            found += expression(selector.code).found(self.command.raw)
        return found


def _like(texts: Sequence[str], like: str) -> list[str]:
    expected = expression(like)
    if expected.named:
        return [found for text in texts for found in expected.found(text)]
    return [text for text in texts if expected.search(text)]


def _arguments(given: Sequence[str], which: str | int) -> Sequence[str]:
    match which:
        case "all":
            return given
        case "first":
            return given[:1]
        case "last":
            return given[-1:]
        case "rest":
            return given[:-1]
        case str() if which.endswith("+"):
            return given[int(which[:-1]) :]
    return given[int(which) : int(which) + 1]


def _input(command: Command, which: str) -> Iterator[str]:
    if command.reads and which in ("file", "any"):
        yield command.reads
    if command.text is not None and which in ("text", "any"):
        yield command.text
    if command.piped and which in ("pipe", "any"):
        yield " ".join(command.piped[-1].words)


class _Hinted:
    """Tools of which one needs a text of its own to stand in what is read."""

    def __init__(self, tools: Sequence[Tool], texts: Callable[[Tool], Sequence[str]]) -> None:
        self._tools = tools
        of_text = [(text, at) for at, tool in enumerate(tools) for text in texts(tool)]
        self._clues = clues([text for text, _ in of_text])
        self._of = [at for _, at in of_text]
        self._always = {at for at, tool in enumerate(tools) if not texts(tool)}

    def given(self, text: str) -> list[Tool]:
        """Those that a text may speak of, in the catalogue's order."""
        found = self._always.union(self._of[clue] for clue in self._clues.given(text))
        return [self._tools[at] for at in sorted(found)]


class Catalogue:
    """Tools by the names of their programs."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.tools = tuple(tools)
        self._exact: dict[str, list[Tool]] = {}
        self._versions: list[tuple[str, Tool]] = []
        languages: dict[str, list[Tool]] = {}
        self._every = [tool for tool in tools if "*" in tool.programs]
        for tool in tools:
            for program in tool.programs:
                if program == "*":
                    continue
                if "*" in program or "[" in program:
                    self._versions.append((program, tool))
                else:
                    self._exact.setdefault(program, []).append(tool)
            for language in tool.languages:
                languages.setdefault(language, []).append(tool)
        self._languages = {language: _Hinted(read, lambda tool: tool.hints) for language, read in languages.items()}
        self.disguised = _Hinted([tool for tool in tools if tool.renamed], lambda tool: tool.disguised)

    @cached_property
    def originals(self) -> Mapping[str, Tool]:
        """Tools by OriginalFileName, lower-case."""
        return {name.lower(): tool for tool in self.tools for name in tool.originals}

    @lru_cache(10_000)  # noqa: B019 - there is one catalogue
    def named(self, program: str) -> tuple[Tool, ...]:
        """The tools that a program's plain name means."""
        found = self._exact.get(program, [])
        if not found and len(program) <= _LONGEST_NAME and _GLOB.search(program):
            # A shell makes of it the one file that it matches: /usr/bin/c?rl
            names = [name for name in self._exact if fnmatchcase(name, program)]
            found = [tool for name in names for tool in self._exact[name]] if len(names) <= _FEW else []
        return tuple(found + [tool for pattern, tool in self._versions if fnmatchcase(program, pattern)])

    @lru_cache(10_000)  # noqa: B019 - there is one catalogue
    def _cmdlets(self, program: str) -> tuple[Tool, ...]:
        return tuple(tool for tool in self.named(program) if tool.syntax == "powershell")

    @lru_cache(10_000)  # noqa: B019 - there is one catalogue
    def _programs(self, program: str) -> tuple[Tool, ...]:
        return tuple(tool for tool in self.named(program) if tool.syntax != "powershell")

    def actions(self, command: Command, original: str = "") -> list[Action]:
        """What a command does. `original`: the OriginalFileName of the program, where its event tells."""
        name = command.program
        found: list[Action] = []
        if command.language == "powershell" and not (command.words and command.words[0].lower().endswith(".exe")):
            found += self._said(self._cmdlets(name), command, renamed=False)
        if not found:
            found += self._said(self._programs(name), command, renamed=False)
        if command.language in self._languages:
            found += self._said(self._languages[command.language].given(command.raw), command, renamed=False)
        if command.writes or command.reads:
            found += self._said(self._every, command, renamed=False)
        found += _put_elsewhere(found)
        if not found and original and (tool := self.originals.get(original.lower())):
            found += self._said([tool], command, renamed=True)
        if not found and command.words and not self.named(name) and wrapper(name) is None and _is_program(command):
            found += self._renamed(command)
        return found

    def _renamed(self, command: Command) -> list[Action]:
        """What the first tool says that is known by its arguments."""
        for tool in self.disguised.given(" ".join(command.words)):
            said = list(self._said([tool], command, renamed=True))
            if said and said[0].does not in ("download", "extract"):
                return said
        return []

    def _said(self, tools: Iterable[Tool], command: Command, *, renamed: bool) -> Iterator[Action]:
        for tool in tools:
            seen = _Seen(tool, command)
            parsed = arguments(tool, command.words[1:])
            if renamed and tool.renamed and not all(seen.texts(parsed, each) for each in tool.renamed):
                continue
            if seen.texts(parsed, tool.unless):
                continue
            done: set[str] = set()
            for form in tool.forms:
                kind = "transfer" if form.does in TRANSFERS else form.does
                if kind in done or (kind in _PACKS and "extract" in done):
                    continue
                if action := _action(seen, parsed, form, renamed=renamed):
                    done.add(kind)
                    yield action


def _put_elsewhere(actions: Sequence[Action]) -> list[Action]:
    """What is made or gathered right on another host's share leaves by that."""
    if any(action.does == "upload" for action in actions):
        return []
    return [
        msgspec.structs.replace(action, does="upload", family="share", protocol="smb", destinations=(action.output,))
        for action in actions
        if action.does in ("archive", "encrypt", "split", "collect") and _SHARE.match(action.output)
    ][:1]


def _is_program(command: Command) -> bool:
    """Whether it is started from a file, as far as PowerShell's own commands can be told from those."""
    return not command.language or any(mark in command.words[0] for mark in "\\/.")


def _action(seen: _Seen, parsed: Arguments, form: Form, *, renamed: bool) -> Action | None:
    """What a form says of the command; None when it is not meant."""
    if form.verb:
        verb = next((each for each in form.verb if _begins(parsed.arguments, each)), None)
        if verb is None:
            return None
        parsed = parsed._replace(arguments=parsed.arguments[len(verb.split()) :])
    if not all(seen.texts(parsed, each) for each in several(form.needs)):
        return None
    if any(seen.texts(parsed, each) for each in several(form.without)):
        return None
    sources = seen.texts(parsed, form.source)
    if form.source and not sources:
        return None
    if form.does == "upload" and sources and all(map(_NOTHING.search, sources)):
        return None
    destinations = seen.texts(parsed, form.destination or seen.tool.destination)
    if servers := seen.texts(parsed, form.through or seen.tool.through):
        destinations = _passed_on(servers, destinations)
    if form.required and not destinations:
        return None
    tool = seen.tool
    return Action(
        does=form.does,
        tool=tool.name,
        family=form.family or tool.family,
        protocol=form.protocol or tool.protocol,
        sources=tuple(dict.fromkeys(sources)),
        destinations=tuple(dict.fromkeys(destinations)),
        destination_class=form.destination_class or tool.destination_class,
        output=next(iter(seen.texts(parsed, form.output)), ""),
        content="call" if form.carries and is_call(seen.carried(parsed, form.carries)) else form.content,
        sensitive=form.sensitive,
        secret=bool(seen.texts(parsed, form.secret or tool.secret)),
        compressed=form.compressed,
        renamed=renamed,
        within=seen.command.within,
    )


def _passed_on(servers: list[str], destinations: list[str]) -> list[str]:
    """Where what servers pass on goes: to them, unless they are of the own network and whom it is for is outside."""
    here, there = (any(destination(each).outside for each in places) for places in (servers, destinations))
    return destinations if there and not here else servers


def _begins(given: Sequence[str], verb: str) -> bool:
    words = verb.split()
    return [word.lower() for word in given[: len(words)]] == words


@lru_cache(1)
def known_tools() -> Catalogue:
    """The catalogue that comes along."""
    return Catalogue(catalogue())
