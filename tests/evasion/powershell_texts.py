"""More ways in which PowerShell builds the text that it runs, or finds what runs it."""

import base64

from .line import Change, Changed, Line, Transformation
from .powershell import called


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def script(form: str, *, without: str = "") -> Change:
    """The script as a text: `{quoted}`, or its letters, codes, halves; not where it holds a letter of `without`."""

    def change(line: Line) -> Changed:
        text = line.text
        if any(letter in text for letter in without) or not text.isascii():
            return None
        half = len(text) // 2
        said = {
            "text": text,
            "quoted": _quoted(text),
            "a": _quoted(text[:half]),
            "b": _quoted(text[half:]),
            "codes": ",".join(str(ord(letter)) for letter in text),
            "shifted": ",".join(str(ord(letter) + 1) for letter in text),
            "xored": ",".join(str(ord(letter) ^ 35) for letter in text),
            "octals": "~".join(f"{ord(letter):o}" for letter in text),
            "binary": "~".join(f"{ord(letter):b}" for letter in text),
            "percent": "'" + "".join(f"%{ord(letter):02x}" for letter in text) + "'",
            "escaped": "'" + "".join(f"\\x{ord(letter):02x}" for letter in text) + "'",
            "marked": _quoted("~".join(text[at : at + 5] for at in range(0, len(text), 5))),
            "base64": base64.b64encode(text.encode()).decode(),
            "twice": base64.b64encode(base64.b64encode(text.encode("utf-16-le"))).decode(),
        }
        return form.format(**said)

    return change


TEXTS = [
    Transformation(name, change)
    for name, change in {
        "command by Get-Command of a pattern": called("& (gcm {pattern})"),
        "command by [string]::Join": called("& ([string]::Join('',({letters})))"),
        "command by [string]::Concat": called("& ([string]::Concat('{a}','{b}'))"),
        "command by Substring": called("& 'xx{word}'.Substring(2)"),
        "command by Insert": called("& '{b}'.Insert(0,'{a}')"),
        "command by Split": called("& ('{marked}'.Split('~') -join '')"),
        "command by Remove": called("& '{word}xyz'.Remove({size})"),
        "command by Trim": called("& '  {word} '.Trim()"),
        "command of an array's parts": called("& (('x','{word}','y')[1])"),
        "command of a hash table": called("$zh=@{{k='{word}'}}; & $zh.k", ""),
        "command by Set-Variable": called("& $zv", "Set-Variable zv '{word}'; "),
        "iex of halves in variables": script("$za={a};$zb={b};iex ($za+$zb)"),
        "iex of joined variables": script('$za={a};$zb={b};iex "$za$zb"'),
        "iex of the environment": script("$env:zq={quoted}; iex $env:zq"),
        "iex of Split": script("iex ({marked}.Split('~') -join '')", without="~"),
        "iex of -split": script("iex (({marked} -split '~') -join '')", without="~"),
        "iex of shifted codes": script("iex (-join (({shifted})|%{{[char]($_-1)}}))"),
        "iex of xor": script("iex (-join (({xored})|%{{[char]($_ -bxor 35)}}))"),
        "iex of bytes": script("iex ([Text.Encoding]::ASCII.GetString([byte[]]({codes})))"),
        "iex of a URL-encoded text": script("iex ([uri]::UnescapeDataString({percent}))"),
        "iex of an escaped text": script("iex ([regex]::Unescape({escaped}))"),
        "iex of base64 twice": script(
            "iex ([Text.Encoding]::Unicode.GetString([Convert]::FromBase64String([Text.Encoding]::ASCII.GetString("
            "[Convert]::FromBase64String('{twice}')))))"
        ),
        "alias of iex": script("sal zx iex; zx {quoted}"),
        "iex in a loop": script("{quoted} | %{{ iex $_ }}"),
        "iex by Get-Alias": script("& (Get-Alias iex) {quoted}"),
        "iex of a parameter": script("& {{ param($z) iex $z }} {quoted}"),
        "Invoke-Command of a created block": script("Invoke-Command -ScriptBlock ([scriptblock]::Create({quoted}))"),
        "runspace": script("[powershell]::Create().AddScript({quoted}).Invoke()"),
        "new script block": script("$ExecutionContext.InvokeCommand.NewScriptBlock({quoted}).Invoke()"),
        "here-string piped": script("@'\n{text}\n'@ | iex"),
        "file of its own": script(
            "Set-Content $env:TEMP\\u.ps1 {quoted}; powershell -ep bypass -File $env:TEMP\\u.ps1"
        ),
        "file of its own, dotted": script("{quoted} > $env:TEMP\\u.ps1; . $env:TEMP\\u.ps1"),
        "powershell by wmic": script(
            'wmic process call create "powershell -c iex([Text.Encoding]::UTF8.GetString('
            "[Convert]::FromBase64String('{base64}')))\""
        ),
    }.items()
]
