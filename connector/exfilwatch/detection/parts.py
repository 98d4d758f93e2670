"""Parts of script blocks are looked at whatever they say: what a rule asks for may be cut between two of them.

`PARTS` stands among the rules that are screened for and asked for, and never gives a finding.
"""

from collections.abc import Iterable

from exfilwatch.detection.condition import FieldTest
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Compare
from exfilwatch.events.script_blocks import CATEGORY, TOTAL

_SERVICE = "powershell"

PARTS = Rule(
    RuleInfo("exfilwatch.parts", "A part of a script block", "informational"),
    LogSource(CATEGORY),
    FieldTest(TOTAL, Compare("gt", 1)),
    {},
    [],
)
PARTS.emits = False


def sees_blocks(rule: Rule) -> bool:
    """Whether a rule may fire on a script block."""
    return rule.source.category in ("", CATEGORY) and rule.source.service in ("", _SERVICE)


def with_parts(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules, and `PARTS` where one of them sees script blocks."""
    found = tuple(rules)
    return (*found, PARTS) if any(map(sees_blocks, found)) else found
