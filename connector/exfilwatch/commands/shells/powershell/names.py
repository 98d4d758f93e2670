"""Names that PowerShell gives to its own things: aliases, automatic variables, and what wildcards find."""

import re
from fnmatch import translate
from functools import lru_cache
from typing import Final

from exfilwatch.commands.shells.usual import ENVIRONMENT, POWERSHELL


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EXPRESSION: Final = frozenset(["iex", "invoke-expression", "microsoft.powershell.utility\\invoke-expression"])
FOR_EACH: Final = frozenset(["%", "foreach", "foreach-object"])
WRITING: Final = frozenset(["echo", "write", "write-output"])
SETTING: Final = frozenset(["set-variable", "sv", "set", "new-variable", "nv"])
GETTING: Final = frozenset(["get-variable", "gv", "variable", "get-item", "gi", "item", "childitem"])
STARTING: Final = frozenset(["start-process", "saps", "start"])
FILTERING: Final = frozenset(["?", "where", "where-object"])
LISTING: Final = frozenset(["get-childitem", "gci", "dir", "ls", "childitem"])
FILING: Final = frozenset(["out-file", "set-content", "sc", "add-content", "ac", "tee-object", "tee"])
EFFECTIVE: Final = (
    EXPRESSION
    | FOR_EACH
    | WRITING
    | SETTING
    | GETTING
    | FILING
    | STARTING
    | FILTERING
    | LISTING
    | frozenset(["get-command", "gcm", "get-alias", "gal", "set-alias", "new-alias", "sal", "nal"])
    | frozenset(["join-path", "out-string"])
    | frozenset(["new-object", "set-item", "si", "new-item", "ni"])
)
"""Cmdlets that `cmdlets.effect` knows more of."""
AT_TIMES: Final = re.compile(r"encoding|stream|uri|string|env:|variable:|alias:", re.IGNORECASE)
"""What is among the arguments where it knows more of New-Object, New-Item and Set-Item."""
QUIET: Final = frozenset(
    [
        "%",
        "foreach",
        "foreach-object",
        "new-object",
        "get-variable",
        "gv",
        "variable",
        "get-command",
        "gcm",
        "join-path",
    ]
)
"""Cmdlets that are no news where what they give is known."""
SAME: Final = frozenset(
    ["parameter", "validatenotnullorempty", "cmdletbinding", "io.stream", "object", "system.object"]
)
"""Types and attributes before a value that leave it as it is."""
ALIASES: Final = frozenset(
    _words("""
    ac cat cd clc clear copy cp cpi cpp curl cvpa del diff dir echo epcsv erase fl ft fw gal gc gci gcm gi gip gl gm gp
    group gsv gv gwmi h history icm iex ii ipal ipcsv ipmo irm iwmi iwr kill lp ls man measure md mi mount move mp mv
    ni nal ndr nv oh popd ps pushd pwd r rd rdr ren ri rm rmdir rni rp rv rvpa sal saps sasv sbp sc select set si sl
    sleep sls sort sp spps spsv start sv swmi tee trcm type wget where wjb write
""")
)
"""Short names of cmdlets, of which PowerShell takes `-name:value` apart."""
MADE: Final = re.compile(
    r"\(?(?:(?:New-Object|Get-Content|gc|cat|type|Get-Item|gi|Get-ChildItem|gci|dir|ls)\s|\[[\w.]+\]::|@\{)",
    re.IGNORECASE,
)
"""Texts of what makes an object or reads files, which may stand for the variable that holds it."""

_AUTOMATIC: Final = _words("""
    ConfirmPreference DebugPreference ErrorActionPreference ErrorView ExecutionContext FormatEnumerationLimit
    InformationPreference MaximumAliasCount MaximumDriveCount MaximumErrorCount MaximumFunctionCount
    MaximumHistoryCount MaximumVariableCount MyInvocation NestedPromptLevel OutputEncoding ProgressPreference
    PSCommandPath PSCulture PSDefaultParameterValues PSEmailServer PSHOME PSScriptRoot PSSessionApplicationName
    PSSessionConfigurationName PSSessionOption PSUICulture PSVersionTable ShellId StackTrace VerbosePreference
    WarningPreference WhatIfPreference
""")
_COMMANDS: Final = _words("""
    Invoke-Expression Invoke-WebRequest Invoke-RestMethod Invoke-Command Invoke-WmiMethod New-Object Get-Content
    Start-BitsTransfer Start-Process Copy-Item Compress-Archive Send-MailMessage Resolve-DnsName Get-ChildItem
    Get-Process Get-Variable Set-Variable Get-Alias Write-Output Out-File ForEach-Object
""")
_SHORT: Final = _words("iex iwr irm icm saps gc gci gi cpi ndr ni sbp sal gal gcm gv sv")


def usual(name: str) -> str | None:
    """What a variable holds on nearly every Windows; names as the script's variables have them."""
    return ENVIRONMENT.get(name[4:]) if name.startswith("env:") else POWERSHELL.get(name)


def automatic(pattern: str) -> str | None:
    """The one automatic variable that a wildcard finds."""
    return _found(pattern, _AUTOMATIC)


def command(pattern: str) -> str | None:
    """The cmdlet that a name with wildcards finds: the first of the usual ones, else of their aliases."""
    if not any(mark in pattern for mark in "*?["):
        return pattern
    return _found(pattern, _COMMANDS) or _found(pattern, _SHORT)


def _found(pattern: str, names: tuple[str, ...]) -> str | None:
    compiled = _wildcard(pattern) if len(pattern) < 60 and pattern.count("*") < 8 else None
    return next((name for name in names if compiled and compiled.match(name)), None)


@lru_cache(256)
def _wildcard(pattern: str) -> "re.Pattern[str] | None":
    try:
        return re.compile(translate(pattern), re.IGNORECASE)
    except re.error:
        return None
