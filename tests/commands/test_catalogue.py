"""The transfer catalogue says what each tool documents: cases as data, one file beside each file of the catalogue."""

from pathlib import Path
from time import process_time

import pytest

from exfilwatch.commands.command import Command, program
from exfilwatch.commands.expression import SHORT, expression
from exfilwatch.commands.reading import Action, known_tools
from exfilwatch.commands.tool import catalogue, expressions_of
from exfilwatch.commands.understand import understood
from exfilwatch.packaged import read_yaml

CASES = sorted(Path(__file__).with_name("catalogue").glob("*.yml"))
FIELDS = (
    "tool",
    "sources",
    "destinations",
    "output",
    "content",
    "protocol",
    "destination_class",
    "sensitive",
    "secret",
)


def cases() -> list[object]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['line'][:70]}")
        for path in CASES
        for case in read_yaml(path.read_text("utf-8"))
    ]


def actions(line: str, image: str, language: str = "") -> list[Action]:
    """What a line does: of a program that is started (its image is named), else of a script of that system's shell."""
    started = image and program(image) == program(line.split()[0])
    found = understood(line, image, language or ("" if started else "cmd" if "\\" in image else "posix")).commands
    return [action for command in found for action in known_tools().actions(command)]


@pytest.mark.parametrize("case", cases())
def test_says_what_a_command_line_does(case: dict[str, object]) -> None:
    found = actions(str(case["line"]), str(case.get("image", "")), str(case.get("language", "")))
    does = case["does"] if isinstance(case["does"], list) else [case["does"]]
    assert sorted({action.does for action in found}) == sorted(each for each in does if each != "nothing"), found
    for field in FIELDS:
        if field in case:
            meant = next(action for action in found if action.does == does[0])
            said = getattr(meant, field)
            assert (list(said) if isinstance(said, tuple) else said) == case[field], meant


def test_each_file_of_the_catalogue_has_at_least_six_cases_and_is_named_in_none_but_its_own() -> None:
    written = {path.stem: len(read_yaml(path.read_text("utf-8"))) for path in CASES}
    catalogue = Path(__file__).parents[2] / "connector/exfilwatch/commands/catalogue"
    assert {
        path.stem: written.get(path.stem, 0) for path in catalogue.glob("*.yml") if written.get(path.stem, 0) < 6
    } == {}


ODD = (
    [],
    ["-"],
    ["--"],
    ["-", "--", "-"],
    ["-" * 50],
    ["--=", "=", "@", ":"],
    ["\x00", "\ud800"],
    ["-c"],
    ["-f"],
    ["a" * 5000] * 20,
    ["-x-y"] * 500,
)


@pytest.mark.parametrize(
    "program", sorted({name.rstrip("*") for tool in known_tools().tools for name in tool.programs})
)
def test_reads_odd_words_of_any_tool_in_little_time(program: str) -> None:
    begun = process_time()
    for words in ODD:
        for piped in ([], [Command(["cat", "/etc/passwd"])]):
            command = Command(
                [program, *words], raw=" ".join(words), reads="x", text="y" * 5000, writes=["/dev/tcp/h/1"], piped=piped
            )
            assert all(action.tool for action in known_tools().actions(command))
    assert process_time() - begun < 2.0


def test_searches_short_and_long_texts_with_every_expression_of_the_catalogue() -> None:
    searched = [expression(text) for tool in catalogue() for text in expressions_of(tool)]
    assert len(searched) > 500
    for each in searched:
        assert each.search(" ") in (True, False)
        assert each.search(" " * (SHORT + 1)) in (True, False)
