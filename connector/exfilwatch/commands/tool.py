"""The catalogue's schema: how a tool says what it does, as data. One YAML file per tool or family."""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from exfilwatch.commands import destinations, site
from exfilwatch.commands.expression import linear
from exfilwatch.errors import ConfigError
from exfilwatch.packaged import LOADER
from exfilwatch.structs import ready

Does = Literal[
    "upload", "download", "offer", "tunnel", "relay", "mount", "archive", "extract", "encrypt", "encode", "split",
    "collect", "schedule", "remote", "push",
]  # fmt: skip
"""`relay`: what lies in a cloud goes to another place there, and nothing of this host. `mount`: a share or folder of
another host is attached; no content goes by that alone. `remote`: a name is given to a repository elsewhere (its
output), `push`: what is committed is sent to the one of that name. `extract` is also what undoes an encryption or
encoding; `encode` is base64 and its kin, which hides nothing from who looks."""
Family = Literal[
    "http client", "file transfer", "socket", "cloud", "backup", "mail", "dns", "icmp", "share", "script", "powershell",
    "windows", "database", "container", "repository", "tunnel", "archiver", "finder", "other",
]  # fmt: skip
Syntax = Literal["getopt", "dash", "slash", "powershell", "words"]


_COMMON_VALUED = (
    *("-ErrorAction", "-ea", "-WarningAction", "-wa", "-InformationAction", "-infa", "-ProgressAction", "-proga"),
    *("-ErrorVariable", "-ev", "-WarningVariable", "-wv", "-InformationVariable", "-iv", "-OutVariable", "-ov"),
    *("-OutBuffer", "-ob", "-PipelineVariable", "-pv"),
)
COMMON = (*_COMMON_VALUED, "-Verbose", "-vb", "-Debug", "-db", "-WhatIf", "-wi", "-Confirm", "-cf")
"""The parameters of every cmdlet, by about_CommonParameters."""


_ARGUMENT = re.compile(r"|all|first|last|rest|\d+\+")


class Selector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Texts of a command: those of all that it names, then filtered.

    `option`: the values of these options, "" of one that takes none. `argument`: all, first, last, rest (all but the
    last), a number from 0, or `N+` for all from that number on. `input`: file (what `<` reads), text (what is
    known to come in), pipe (the command piped in, its words joined by blanks), any. `output`: where its output is
    redirected. `piped`: every command before it in the pipe, each so joined, an expression as it is written; `into`:
    the one that it is piped into. `code`: what an expression finds in its text. `word`: every word but the program's.
    `joined`: all of them as one text, with blanks between. `like` keeps the texts in which an expression is found (its
    group `is`, where it has one, is the text from then on), `unlike` those in which it is not. Expressions are RE2,
    without regard to case unless they begin with `(?-i)`.
    """

    option: tuple[str, ...] = ()
    argument: str | int = ""
    input: Literal["", "file", "text", "pipe", "any"] = ""
    output: bool = False
    piped: bool = False
    into: bool = False
    word: bool = False
    code: str = ""
    joined: bool = False
    like: str = ""
    unlike: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.argument, str) and not _ARGUMENT.fullmatch(self.argument):
            raise ValueError(
                f"argument {self.argument!r}: use all, first, last, rest, a number, or 2+ for the third on"
            )
        if isinstance(self.argument, int) and self.argument < 0:
            raise ValueError(f"argument {self.argument}: the first is 0, `last` is the last")


Selectors = Selector | tuple[Selector, ...]


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way in which a tool does something. It is meant when `verb` stands first among the arguments (each may be
    several words), each of `needs` gives a text, none of `without` does, and `source` gives one where it is there.

    `source`: the files or folders that are sent or packed; `destination`: where to, a host, URL, bucket or share; else
    the tool's. `through`: a server that passes it on to whom it is for, else the tool's: what goes through one of the
    own network to somebody outside goes out. `output`: the archive or file that is made. Of several selectors the first
    that gives something counts. `required`: there has to be a destination. `carries`: the text that is sent, where the
    line itself says it: one too short to be a document or a key makes its content `call`.
    """

    does: Does
    verb: tuple[str, ...] = ()
    needs: Selectors = ()
    without: Selectors = ()
    source: Selectors = ()
    destination: Selectors = ()
    through: Selectors = ()
    output: Selectors = ()
    required: bool = False
    content: Literal["file", "folder", "input", "inline", "package", "unknown"] = "file"
    protocol: str = ""
    family: Family | Literal[""] = ""
    destination_class: str = ""
    sensitive: str = ""
    secret: Selectors = ()
    carries: Selectors = ()
    compressed: bool = False


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A tool. `programs`: its names without path and `.exe`, lower-case, `*` at the end for versions; in PowerShell the
    cmdlets with their aliases, which mean themselves there alone; `*` alone for what any command can do (redirections).
    `originals`: its OriginalFileName. `family`: which rule speaks of it. `language`: its forms are expressions on code
    of this language (or of one of these), wherever it stands; with `hints`, where one of them stands in the code.
    `renamed`: what has to be there to know it under any other name; `unless`: what makes a command of that name
    something else (PowerShell's alias `curl`). `hints`: texts, lower-case, of which one stands in the command line of a
    shell that runs it, beside its programs' names: for what has no program of its own. `disguised`: the same, of which
    one stands in the line of a renamed one.

    `valued`: the options that take a value; `flags`: others, needed only where abbreviations have to be told apart, or
    (of one letter, getopt) never. `abbreviated`: long options may be shortened. `glued`: options whose value follows
    without a blank (or, where they are `valued` too, as the next word). `leading`: the first word is a bundle of short
    options without a dash (tar). `stops`: after so many arguments there are no options any more (ssh: the second begins
    the remote command).
    """

    name: str
    programs: tuple[str, ...] = ()
    originals: tuple[str, ...] = ()
    language: str | tuple[str, ...] = ()
    syntax: Syntax = "getopt"
    valued: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    glued: tuple[str, ...] = ()
    abbreviated: bool = False
    leading: bool = False
    stops: int = 0
    renamed: tuple[Selector, ...] = ()
    unless: Selectors = ()
    hints: tuple[str, ...] = ()
    disguised: tuple[str, ...] = ()
    family: Family = "other"
    protocol: str = ""
    destination: Selectors = ()
    through: Selectors = ()
    destination_class: str = ""
    secret: Selectors = ()
    forms: tuple[Form, ...] = ()
    references: tuple[str, ...] = ()

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages of code that its forms read."""
        return (self.language,) if isinstance(self.language, str) else self.language

    @cached_property
    def takes(self) -> frozenset[str]:
        """The options that take a value."""
        return frozenset((*self.valued, *_COMMON_VALUED) if self.syntax == "powershell" else self.valued)

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Every option that is named somewhere, for abbreviations."""
        return tuple(sorted({*self.valued, *self.flags, *self.meaning}))

    @cached_property
    def meaning(self) -> frozenset[str]:
        """The options that a form asks for."""
        return frozenset(option for form in self.forms for selector in selectors_of(form) for option in selector.option)


def several(selectors: Selectors) -> tuple[Selector, ...]:
    """One or several as several."""
    return (selectors,) if isinstance(selectors, Selector) else selectors


def tools_in(text: str, path: str) -> Iterator[Tool]:
    """The tools of one file of the catalogue. Raises ConfigError that names the file, the tool and the part."""
    try:
        documents = list(yaml.load_all(text, LOADER))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not sound YAML: {' '.join(str(error).split())}") from error
    for document in documents:
        name = document.get("name", "?") if isinstance(document, dict) else "?"
        try:
            yield msgspec.convert(document, ready(Tool))
        except msgspec.ValidationError as error:
            raise ConfigError(f"{path}: {name}: {error}") from error


def selectors_of(form: Form) -> Iterator[Selector]:
    """Every selector of a form."""
    for each in _selectors(form):
        yield from several(each)


def _selectors(form: Form) -> tuple[Selectors, ...]:
    own = (form.destination, form.through, form.output, form.secret, form.carries)
    return (form.needs, form.without, form.source, *own)


def expressions_of(tool: Tool) -> Iterator[str]:
    """Every expression of a tool. They are compiled when they are first needed: all of them take half a second."""
    own = (tool.destination, tool.through, tool.secret, tool.renamed, tool.unless)
    every = [selector for each in own for selector in several(each)]
    for selector in [*every, *(selector for form in tool.forms for selector in selectors_of(form))]:
        yield from filter(None, (selector.like, selector.unlike, selector.code))


@lru_cache(1)
def catalogue() -> tuple[Tool, ...]:
    """Every tool, the site's own first, which take the place of those of their names; then those that come along, in
    the order of their files and of the documents in them. Raises ConfigError for one of the site.
    """
    own = [tool for each in site.tool_files() for tool in site_tools(each)]
    names = {tool.name for tool in own}
    return (*own, *(tool for tool in packaged_tools() if tool.name not in names))


def site_tools(path: Path) -> Iterator[Tool]:
    """The tools of one file of a site. Raises ConfigError that names the file, the tool and the part."""
    kinds = (*destinations.kinds(), "unknown")
    for tool in tools_in(site.text(path), str(path)):
        for name in tool.programs:
            if name != name.lower() or name.endswith(".exe") or "/" in name or "\\" in name:
                raise ConfigError(f"{path}: {tool.name}: {name}: a program's name is lower-case, without path and .exe")
        if not (tool.programs or tool.languages or tool.originals):
            raise ConfigError(f"{path}: {tool.name}: has no `programs`, so nothing is known by it")
        for kind in (tool.destination_class, *(form.destination_class for form in tool.forms)):
            if kind and kind not in kinds:
                raise ConfigError(
                    f"{path}: {tool.name}: there is no destination_class {kind!r}: use {', '.join(kinds)}"
                )
        for text in expressions_of(tool):
            try:
                linear(text)
            except re.error as error:
                raise ConfigError(f"{path}: {tool.name}: {text!r} is no expression: {error}") from error
        yield tool


@lru_cache(1)
def packaged_tools() -> tuple[Tool, ...]:
    """Those that come along."""
    return tuple(tool for name, text in _packaged() for tool in tools_in(text, name))


def documents() -> Iterator[tuple[Tool, str]]:
    """The tools of `catalogue` with the YAML that each stands in."""
    own = [(tool, text) for path in site.tool_files() for tool, text in _written(site.text(path), str(path))]
    names = {tool.name for tool, _ in own}
    yield from own
    for name, text in _packaged():
        yield from ((tool, part) for tool, part in _written(text, name) if tool.name not in names)


def _written(text: str, path: str) -> Iterator[tuple[Tool, str]]:
    parts = [text[each.start_mark.index : each.end_mark.index] for each in yaml.compose_all(text, yaml.SafeLoader)]
    return zip(tools_in(text, path), parts, strict=True)


def _packaged() -> Iterator[tuple[str, str]]:
    """The files that come along: their names and texts."""
    folder = files("exfilwatch.commands").joinpath("catalogue")
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.name.endswith(".yml"):
            yield each.name, each.read_text("utf-8")
