"""Every command line that a paper shows is one that the program takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from exfilwatch_playbooks.cli import exits
from exfilwatch_playbooks.cli.app import application

from .papers import PAPERS, lines, name, named, prose, read, section, spans, table

PROGRAM: Any = get_command(application())


class Shown(NamedTuple):
    """A command line of exfilwatch in a paper; `arguments` come after the name of the program."""

    place: str
    arguments: list[str]


def calls(text: str) -> Iterator[list[str]]:
    """The arguments of each call of exfilwatch in a line of shell."""
    reader = shlex.shlex(text.removeprefix("$ "), posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    words: list[str] = []
    for word in [*reader, "|"]:
        if not re.fullmatch(r"[|&;<>()]+", word):
            words.append(word)
            continue
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            del words[0]
        if words[:1] == ["exfilwatch"]:
            yield words[1:]
        words = []


def in_blocks(paper: Path) -> Iterator[Shown]:
    for line in lines(paper):
        if line.code and re.search(r"(^|[|&;=\s])exfilwatch\s", line.text):
            yield from (Shown(f"{name(paper)}:{line.number}", found) for found in calls(line.text.strip()))


def in_sentences(paper: Path) -> Iterator[Shown]:
    for span in spans(prose(paper)):
        if span.startswith("exfilwatch "):
            yield from (Shown(f"{name(paper)}: `{span}`", found) for found in calls(span.replace("|", ",")))


def reached(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command that is meant, and its own arguments."""
    command, rest = PROGRAM, arguments
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no command {rest[0]!r}"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} | {"-h", "--help"}


def leaves(command: Any = PROGRAM, path: str = "") -> Iterator[tuple[str, Any]]:
    """The commands; all actions are one, which have a page of their own."""
    for called, each in command.commands.items():
        below = f"{path} {called}".strip()
        yield from leaves(each, below) if hasattr(each, "commands") and called != "action" else [(below, each)]


BLOCKS = [pytest.param(shown, id=shown.place) for paper in PAPERS for shown in in_blocks(paper)]
SENTENCES = [pytest.param(shown, id=shown.place) for paper in PAPERS for shown in in_sentences(paper)]


@pytest.mark.parametrize("shown", BLOCKS)
def test_a_command_line_in_a_code_block_parses(shown: Shown):
    command, rest = reached(shown.arguments)
    if {"--help", "--version"} & set(rest):
        assert set(rest) <= options(command)
    else:
        command.make_context("exfilwatch", rest)  # an error of usage when it does not


@pytest.mark.parametrize("shown", SENTENCES)
def test_a_command_in_a_sentence_has_its_name_and_options_right(shown: Shown):
    if "COMMAND" in shown.arguments:
        shown.arguments.remove("COMMAND")
    command, rest = reached(shown.arguments)
    assert {word for word in rest if word.startswith("-") and word != "-"} <= options(command)


def test_command_lines_are_found_at_all():
    assert len(BLOCKS) > 40
    assert len(SENTENCES) > 5


def test_every_command_is_shown_on_the_page_of_the_command_line():
    page = read("command-line.md")
    assert [path for path, _ in leaves() if f"exfilwatch {path}" not in page] == []


def test_every_option_is_named_on_the_page_of_the_command_line():
    page = read("command-line.md")
    every = {option for _, command in leaves() for option in options(command) if option.startswith("--")}
    assert {option for option in every if option not in page} == set()


@pytest.mark.parametrize("heading", ["detect", "explain", "run, findings, cases", "rules"])
def test_options_that_a_section_names_are_those_of_its_commands(heading: str):
    families = heading.split(", ")
    every = {option for path, command in leaves() if path.split()[0] in families for option in options(command)}
    said = re.findall(r"`[^`\n]*?(--[a-z-]+)[^`\n]*`", section(read("command-line.md"), heading))
    assert set(said) <= every


def test_exit_codes_are_those_of_the_program():
    codes = {int(code) for row in table(section(read("command-line.md"), "Exit codes")) for code in row[0].split(",")}
    assert codes == {value for value in vars(exits).values() if isinstance(value, int)}


def test_the_table_of_detect_has_all_its_options():
    told = named(table(section(read("command-line.md"), "detect"), "option"))
    (command,) = (each for path, each in leaves() if path == "detect")
    taken = {option for each in command.params if each.param_type_name == "option" for option in each.opts}
    assert {option.split()[0] for option in told} == taken - {"--help", "-h"}
