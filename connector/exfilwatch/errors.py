"""The error tree. Every message says what failed, where, and what to do next; never a secret.

ExfilwatchError
├── ConfigError    a setting, an option or a path that the user gave
│   └── UnknownId      an id that names no finding or incident, or several
├── RuleError      a Sigma rule that can't be loaded or evaluated exactly; RuleSetError: several at once
├── SourceError    an input or a SIEM that can't be read
│   ├── SpaceError     the disk for temporary files, without which input can't be read
│   ├── AuthError      credentials or rights that a SIEM does not accept
│   ├── PartialResult  an answer that is cut, or that parts of the SIEM did not take part in
│   └── Unreachable    no answer: refused, broken off, too late
│       └── RateLimited  a SIEM that asks to wait
└── CaseError      a case system that refused or can't be reached
    ├── CaseUnreachable  no answer, or one that passes: asking again later makes sense
    ├── CaseRefused      this case, or this change of it, is refused: asking again as it is makes none
    └── CaseBlocked      nothing goes on before a person has changed something: credentials, rights, a missing field
"""

from collections.abc import Sequence


class ExfilwatchError(Exception):
    """Root of all errors that exfilwatch raises on purpose."""


class ConfigError(ExfilwatchError):
    """A setting, option or path given by the user is wrong."""


class UnknownId(ConfigError):
    """An id, or the beginning of one, that names nothing that is kept, or several."""


class RuleError(ExfilwatchError):
    """A rule can't be loaded, or a part of it can't be evaluated exactly.

    `rule` names it (title or id), `path` and `line` (1-based, 0 when unknown) say where it stands.
    """

    def __init__(self, message: str, *, rule: str = "", path: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.rule = rule
        self.path = path
        self.line = line

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}: " if self.path and self.line else f"{self.path}: " if self.path else ""
        name = f"rule {self.rule!r}: " if self.rule else ""
        return f"{place}{name}{self.args[0]}"


class RuleSetError(RuleError):
    """Several rules, or several parts of one, can't be loaded; `errors` has each."""

    def __init__(self, errors: Sequence[RuleError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)


class SourceError(ExfilwatchError):
    """An input or a SIEM can't be read."""


class SpaceError(SourceError):
    """Temporary files can't be written; nothing is wrong with the input."""


class AuthError(SourceError):
    """A SIEM does not accept the credentials, or they lack a right."""


class Unreachable(SourceError):
    """A SIEM does not answer; `wait` is for how long it asks to be left alone, in seconds, where it says so."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class RateLimited(Unreachable):
    """A SIEM answers that there are too many requests."""


class PartialResult(SourceError):
    """A SIEM's answer is not whole; what came of it is true. `smaller`: whether one for less time may be."""

    def __init__(self, message: str, *, smaller: bool = True) -> None:
        super().__init__(message)
        self.smaller = smaller


class CaseError(ExfilwatchError):
    """A case system refused a request or can't be reached."""


class CaseUnreachable(CaseError):
    """A case system is down, slow, in maintenance, or has had too much. `wait`: for how long it asks to be left alone,
    in seconds, where it says so. `sent`: whether what was asked for may have been done.
    """

    def __init__(self, message: str, wait: float | None = None, *, sent: bool = True) -> None:
        super().__init__(message)
        self.wait = wait
        self.sent = sent


class CaseRefused(CaseError):
    """A case system does not take this case, or this change of it, as it is."""


class CaseBlocked(CaseError):
    """A case system does nothing for us before a person has changed something there or in the settings."""


def first_of(error: BaseException) -> BaseException:
    """The error, or of several that were raised together the first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
