"""Every expression of the catalogue is quick on short texts too, where Python's own engine, which may go back, runs."""

from itertools import product
from time import process_time

from exfilwatch.commands.expression import SHORT, expression
from exfilwatch.commands.tool import Tool, catalogue, selectors_of, several

PARTS = (
    *(
        "a",
        "0",
        "-",
        "$a:",
        "$a.",
        "${a:",
        "/",
        ".",
        " ",
        "a.",
        "-a ",
        "=",
        "\\.",
        "a/",
        "$(",
        "`",
        '"a ',
        "'",
        "\n",
        "\\n",
        ";",
    ),
    *(
        "a@",
        "a:",
        "@",
        ":",
        "//",
        "a b ",
        "put ",
        "mirror -R ",
        "tar -c ",
        "%a",
        "{a",
        "*",
        "TCP:",
        "a,",
        "=@",
        "\\",
        "aA1",
        "\t",
    ),
)
BEGINNINGS = ("", "a.")
LENGTHS = (30, 45, 68, 100, SHORT - 1)
"""Growing, so that what doubles with each letter is seen before it takes for ever."""
TEXTS = [
    *((begins + part * SHORT)[:length] + "\x00" for begins in BEGINNINGS for part in PARTS for length in LENGTHS),
    *((one + other) * (SHORT // (len(one) + len(other)) - 1) + "!" for one, other in product(PARTS[:12], PARTS[4:24])),
]
MOST = 0.05
"""Seconds of the processor for one text."""


def expressions(tool: Tool) -> set[str]:
    own = [
        selector for each in (tool.destination, tool.secret, tool.renamed, tool.unless) for selector in several(each)
    ]
    every = [*own, *(selector for form in tool.forms for selector in selectors_of(form))]
    return {text for each in every for text in (each.like, each.unlike, each.code) if text}


def slow(text: str) -> str:
    """The first text on which an expression is slow, twice; "" when there is none."""
    found = expression(text).found
    for on in TEXTS:
        for _ in range(2):
            begun = process_time()
            list(found(on))
            if process_time() - begun < MOST:
                break
        else:
            return on
    return ""


def test_no_expression_goes_back_over_a_text_again_and_again() -> None:
    every = sorted({text for tool in catalogue() for text in expressions(tool)})
    assert len(every) > 500
    assert all(len(text) <= SHORT for text in TEXTS)
    assert {text: on for text in every if (on := slow(text))} == {}


def test_one_that_does_is_seen() -> None:
    assert slow(r"^(?:\$\{?\w+(?:[:#%][^}]*)?\}?)+!$")
    assert slow(r"^(?:[^=]|\\.)+=")
