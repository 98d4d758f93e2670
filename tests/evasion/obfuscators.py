"""Forms that the public obfuscators document: Bashfuscator, Invoke-DOSfuscation and Invoke-Obfuscation."""

import re
import shlex

from .cmd import named as named_in_cmd
from .cmd import plain as plain_in_cmd
from .line import Change, Changed, Line, Transformation, first, simple
from .posix import named, octal, portable
from .powershell import called
from .powershell_texts import script as powershell_script


def _whole(form: str) -> Change:
    """The line of a POSIX shell in pieces: `{letters}` of it, `{order}` and `{mixed}`, `{hex}`, `{octal}`."""

    def change(line: Line) -> Changed:
        text = line.text
        if not text.isascii():
            return None
        order = sorted(range(len(text)), key=lambda at: (at * 7) % 11)
        said = {
            "line": shlex.quote(text),
            "shell": "sh" if portable(line) else "bash",
            "hex": text.encode().hex(),
            "octal": octal(text),
            "mixed": " ".join(shlex.quote(text[at]) for at in order),
            "order": " ".join(str(order.index(at)) for at in range(len(text))),
            "half": len(text) // 2,
            "a": shlex.quote(text[: len(text) // 2]),
            "b": shlex.quote(text[len(text) // 2 :]),
            "pieces": " ".join(shlex.quote(text[at : at + 9]) for at in range(0, len(text), 9)),
        }
        return form.format(**said)

    return change


def _commas(line: Line) -> Changed:
    found = simple(line)
    if not found or any(letter in word for word in found for letter in ",~!#^"):
        return None
    return f"IFS=,; zl={','.join(found)}; $zl"


def _within(line: Line) -> Changed:
    """A line that goes on in the middle of the program's name."""
    return first(line, lambda word: ("", f"{word[:1]}\\\n{word[1:]}"))


def _globbed(line: Line) -> Changed:
    def instead(word: str) -> tuple[str, str]:
        return "", f"/???/b?n/{word}" if line.folder == "/usr/bin" else word

    found = first(line, instead)
    return found if found and "/???/" in found and named("", "x")(line) else None


BASHFUSCATOR = [
    Transformation(name, change)
    for name, change in {
        "hexadecimal through sed": _whole('sh -c "$(printf "$(echo {hex} | sed \'s/../\\\\x&/g\')")"'),
        "program of hexadecimal through sed": named("", "$(printf \"$(echo {digits} | sed 's/../\\\\x&/g')\")"),
        "printf %b": _whole("printf %b '{octal}' | bash"),
        "program by printf %b": named("", "$(printf %b '{hex}')"),
        "program by printf -v": named("printf -v zc '{octal}'; ", "$zc"),
        "case of the program swapped": named("zc={upper}; ", "${{zc~~}}"),
        "program without its ends": named("zc=xx{word}yy; zc=${{zc#xx}}; ", "${{zc%yy}}"),
        "program by cut": named("", "$(echo xx{word} | cut -c3-)"),
        "program by basename": named("", "$(basename /opt/{word})"),
        "$* within the program": named("", "{a}$*{b}"),
        "$9 within the program": named("", "{a}$9{b}"),
        "empty backquotes within the program": named("", "{a}``{b}"),
        "line broken within the program": _within,
        "letters by a loop over an array": _whole(
            'eval "$(zq=({mixed}); for zi in {order}; do printf %s "${{zq[$zi]}}"; done)"'
        ),
        "pieces by a loop": _whole('for zp in {pieces}; do printf %s "$zp"; done | bash'),
        "halves printed by two commands": _whole("(printf %s {a}; printf %s {b}) | bash"),
        "IFS": _commas,
        "octal of printf in eval": _whole("eval \"$(printf '{octal}')\""),
        "bash by its number of letters": _whole("${{BASH:-bash}} -c {line}"),
        "exec of bash": _whole("exec bash -c {line}"),
    }.items()
]


def _cmd_letters(line: Line) -> Changed:
    """The line as places in a text of its letters (FORcoding)."""
    text = line.text
    if re.search(r"[%!\"^&|<>]", text) or len(text) > 150:
        return None
    letters = "".join(dict.fromkeys(text))
    order = " ".join(str(letters.index(letter)) for letter in text)
    return (
        f'cmd /v:on /c "set zu={letters}&&for %a in ({order} 1337) do set zf=!zf!!zu:~%a,1!'
        f'&&if %a==1337 call %zf:~-{len(text)}%"'
    )


def _cmd_reversed(line: Line) -> Changed:
    text = line.text
    if re.search(r"[%!\"^&|<>]", text) or len(text) > 150:
        return None
    return (
        f'cmd /v:on /c "set zr={text[::-1]}&&for /l %a in ({len(text) - 1},-1,0) do set zf=!zf!!zr:~%a,1!'
        f'&&if %a==0 call %zf:~-{len(text)}%"'
    )


def _plainly(form: str, without: str = "%") -> Change:
    """Around a line without double quotes, percent signs and operators, and without these letters."""
    return lambda line: form.format(line=line.text) if not re.search(rf"[%!\"^&|<>{without}]", line.text) else None


def _letter_of_another(line: Line) -> Changed:
    """A letter of the program out of %PUBLIC%, where that has it."""

    def instead(word: str) -> tuple[str, str]:
        at = r"c:\users\public".find(word[0].lower())
        return "", f"%PUBLIC:~{at},1%{word[1:]}" if at >= 0 else word

    return first(line, instead)


DOSFUSCATION = [
    Transformation(name, change)
    for name, change in {
        "tokens of for /f": lambda line: (
            named_in_cmd("%a%b", 'for /f "tokens=1,2 delims=," %a in ("{a},{b}") do ')(line)
            if plain_in_cmd(line)
            else None
        ),
        "for /f over set": named_in_cmd("%a", "set zc={word}&&for /f \"tokens=2 delims==\" %a in ('set zc') do "),
        "line in a variable, called": _plainly("set zx={line}&&call %zx%"),
        "line in a variable, delayed": _plainly('cmd /v /c "set zx={line}&&!zx!"'),
        "line in a variable, piped": _plainly('cmd /c "set zx={line}&&call echo %zx%|cmd"'),
        "letters by their places": _cmd_letters,
        "reversed, by a loop": _cmd_reversed,
        "a letter of %PUBLIC%": _letter_of_another,
        "replaced letters": named_in_cmd("%zc:@=%", "set zc={gaps}&&call set zc=%zc:_=%&&call "),
        "powershell of the environment": _plainly('set zx={line}&&powershell -c "cmd /c $env:zx"'),
        "into powershell": _plainly("echo {line}|powershell -"),
        "WScript.Shell of PowerShell": _plainly(
            "powershell -c \"(New-Object -ComObject WScript.Shell).Run('{line}',0)\"", without="'"
        ),
        "Process of .NET": _plainly(
            "powershell -c \"[Diagnostics.Process]::Start('cmd.exe','/c {line}')\"", without="'"
        ),
        "WMI of PowerShell": _plainly(
            "powershell -c \"Invoke-WmiMethod Win32_Process Create -ArgumentList 'cmd /c {line}'\"", without="'"
        ),
        "CIM of PowerShell": _plainly(
            "powershell -c \"icim Win32_Process Create -Arguments @{{CommandLine='{line}'}}\"", without="'"
        ),
        "ShellExec_RunDLL": _plainly("rundll32 shell32.dll,ShellExec_RunDLL cmd /c {line}"),
    }.items()
]

OBFUSCATION = [
    Transformation(name, change)
    for name, change in {
        "iex by Get-Command of a pattern": powershell_script("& (gcm i*x) {quoted}"),
        "iex by Get-Command of a longer pattern": powershell_script("&(Get-Command I*E*ssion) {quoted}"),
        "iex by Get-Alias of a pattern": powershell_script(".(Get-Alias ie?) {quoted}"),
        "iex by an item of Alias:": powershell_script("&(Get-Item Alias:\\iex) {quoted}"),
        "iex by ShellId": powershell_script("&($ShellId[1]+$ShellId[13]+'x') {quoted}"),
        "iex by Public": powershell_script(".($env:Public[13]+$env:Public[5]+'x') {quoted}"),
        "iex by VerbosePreference": powershell_script("&(([string]$VerbosePreference)[1,3]+'x'-join'') {quoted}"),
        "iex by a variable's name": powershell_script("&((Get-Variable '*mdr*').Name[3,11,2]-join'') {quoted}"),
        "iex of octal": powershell_script(
            "iex (-join ('{octals}'.Split('~')|%{{[char][Convert]::ToInt16([string]$_,8)}}))"
        ),
        "iex of binary": powershell_script("iex (-join ('{binary}' -split '~'|%{{[char]([Convert]::ToInt16($_,2))}}))"),
        "iex of codes by foreach": powershell_script("({codes}|foreach{{([int]$_ -as [char])}}) -join ''|iex"),
        "iex of a replaced letter": powershell_script("iex (({quoted}).Replace('zq9','a'))"),
        "InvokeReturnAsIs": powershell_script("[ScriptBlock]::Create({quoted}).InvokeReturnAsIs()"),
        "ExpandString": powershell_script("iex ($ExecutionContext.InvokeCommand.ExpandString({quoted}))", without="$`"),
        "icm of a block": powershell_script("icm {{ {text}\n}}"),
        "block in a variable": powershell_script("$zb={{ {text}\n}}; & $zb"),
        "block with Invoke": powershell_script("({{ {text}\n}}).Invoke()"),
        "command by GetCommand": called("& $ExecutionContext.InvokeCommand.GetCommand('{word}','Cmdlet')"),
        "command by GetCmdlet": called("& ($ExecutionContext.InvokeCommand.GetCmdlet('{word}'))"),
        "command by GetCommandName": called("& ($ExecutionContext.InvokeCommand.GetCommandName('{word}',1,1))"),
        "command by -f of a reordered text": called("& (\"{{2}}{{0}}{{1}}\" -f '{b0}','{b1}','{a}')"),
        "command in a here-string": called("& $zh", "$zh=@'\n{word}\n'@; "),
        "command by [char[]] and -join": called("& ([string]::Join('',[char[]]({codes})))"),
        "command by ToString": called("& ('{word}'.ToString())"),
        "command lowered": called("& ('{word}'.ToLower())"),
    }.items()
]
