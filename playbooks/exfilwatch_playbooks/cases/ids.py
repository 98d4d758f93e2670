"""Ids of cases, which become parts of addresses: what can be none is not asked for."""

import re

from exfilwatch.errors import CaseRefused

NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def checked(system: str, case_id: str, form: re.Pattern[str] = NUMBER) -> str:
    """The id. CaseRefused where it does not have the form of one."""
    if not form.fullmatch(case_id):
        raise CaseRefused(f"{system}: there is no case {case_id[:100]!r}")
    return case_id
