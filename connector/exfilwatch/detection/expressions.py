"""Which regular expressions a rule may have: those of RE2, and those of the regex package under a time limit."""

from typing import Any

import re2
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern

from exfilwatch.detection.linear import options


class _ExpressionError(Exception):
    """Neither RE2 nor the regex package takes it."""


class _Either(RegexEngine):
    """Only tells whether an expression is valid: pySigma compiles each to find out."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        try:
            found: Any = re2.compile(pattern, options())
        except re2.error:
            import regex  # rarely needed, and slow to import

            try:
                found = regex.compile(pattern, regex.V0)
            except regex.error as error:
                raise _ExpressionError(str(error)) from None
        del flags
        pattern_found: RegexPattern = found
        return pattern_found

    @property
    def error(self) -> type[Exception]:
        return _ExpressionError


POLICY = SigmaPolicy(regex_engine=_Either())
