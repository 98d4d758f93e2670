"""What an event must have for a command line to do anything that rules ask for, said shortly, for queries of SIEMs.

The names of all programs that may do something, in all the forms that records have them, make queries of hundreds of
kilobytes, which SIEMs refuse. So what is asked for is any command line but those of programs that start all the time.
"""

from exfilwatch.commands.named import ORDINARY
from exfilwatch.detection.condition import All, Any, FieldTest, Node, Not
from exfilwatch.detection.values import OneOf, Text, Wild

_ANYTHING = Text([Wild.ANY, Wild.ONE, Wild.ANY], cased=False)
_SAID = ("CommandLine", "ScriptBlockText", "TaskContent", "TaskContentNew")

ACTING: Node = All(
    (
        Any(tuple(FieldTest(field, _ANYTHING) for field in _SAID)),
        Not(FieldTest("Image", OneOf([Text([path], cased=False) for path in ORDINARY]))),
    )
)
"""Holds of every event whose command line, script or task may do something."""
