"""Ways to write a script of PowerShell so that its effect stays."""

import base64
import gzip
import re
import zlib

from .line import Change, Changed, Line, Transformation, commands, first, pieces, powershell, words

_ESCAPES = "abfnrtv0eux"
_ALIASES = {
    "invoke-webrequest": "iwr",
    "invoke-restmethod": "irm",
    "get-content": "gc",
    "new-object": "New-Object",
    "write-host": "echo",
    "copy-item": "cpi",
    "new-item": "ni",
    "get-childitem": "gci",
    "foreach-object": "%",
    "invoke-expression": "iex",
    "start-process": "saps",
    "new-psdrive": "ndr",
    "invoke-command": "icm",
    "write-output": "echo",
    "get-item": "gi",
    "start-sleep": "sleep",
    "set-content": "sc",
    "move-item": "mi",
}
# Parameters that the cmdlets document, and the shortest names that mean only them.
_SHORT = {
    "-uri": "-Ur",
    "-method": "-Me",
    "-infile": "-InF",
    "-body": "-Bo",
    "-contenttype": "-Cont",
    "-headers": "-Hea",
    "-source": "-So",
    "-destination": "-Des",
    "-transfertype": "-TransferT",
    "-attachments": "-At",
    "-smtpserver": "-Sm",
    "-subject": "-Su",
    "-path": "-Pat",
    "-literalpath": "-Lit",
    "-recurse": "-Rec",
    "-name": "-Na",
}
_URL = re.compile(r"""(["'])((?:https?|ftp)://[^"'$`\s]+)\1""")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _halves(text: str) -> tuple[str, str]:
    return text[: (len(text) + 1) // 2], text[(len(text) + 1) // 2 :]


def _mixed(word: str) -> str:
    return "".join(letter.upper() if at % 2 else letter.lower() for at, letter in enumerate(word))


def _ticked(word: str) -> str:
    return word[0] + "".join(
        letter if letter.lower() in _ESCAPES or not letter.isalpha() else f"`{letter}" for letter in word[1:]
    )


def called(form: str, before: str = "") -> Change:
    """The first command by an expression: `{word}`, `{a}`, `{b}`, `{codes}`, `{letters}`, `{marked}`."""

    def change(line: Line) -> Changed:
        def instead(word: str) -> tuple[str, str]:
            a, b = _halves(word)
            said = {
                "word": word,
                "pattern": word[:-2] + "*",
                "a": a,
                "b": b,
                "codes": ",".join(str(ord(letter)) for letter in word),
                "letters": ",".join(f"'{letter}'" for letter in word),
                "marked": f"{a}~{b}",
                "b0": b[: len(b) // 2],
                "b1": b[len(b) // 2 :],
                "first": ord(word[0]),
                "rest": word[1:],
                "back": word[::-1],
                "size": len(word),
                "base64": base64.b64encode(word.encode()).decode(),
            }
            return before.format(**said), form.format(**said)

        return first(line, instead)

    return change


def _cmdlets(how: str) -> Change:
    """Each command by its alias, in mixed case or with backticks."""
    forms = {"case": _mixed, "ticks": _ticked, "alias": lambda word: _ALIASES.get(word.lower(), word)}
    return lambda line: commands(line, forms[how])


def _base64(line: Line, encoding: str = "utf-8") -> str:
    return base64.b64encode(line.text.encode(encoding)).decode()


def _packed(line: Line, kind: str) -> str:
    if kind == "Gzip":
        data = gzip.compress(line.text.encode(), mtime=0)
    else:
        packer = zlib.compressobj(wbits=-15)
        data = packer.compress(line.text.encode()) + packer.flush()
    return (
        f"IEX (New-Object IO.StreamReader((New-Object IO.Compression.{kind}Stream((New-Object IO.MemoryStream("
        f",[Convert]::FromBase64String('{base64.b64encode(data).decode()}'))),"
        "[IO.Compression.CompressionMode]::Decompress)),[Text.Encoding]::UTF8)).ReadToEnd()"
    )


def _option(option: str) -> Change:
    """The script, encoded, by one of the spellings of the option."""
    return lambda line: powershell(line.system, option, _base64(line, "utf-16-le"))


def _thirds(line: Line) -> list[str]:
    size = len(line.text) // 3 + 1
    return [_quoted(line.text[at : at + size]) for at in range(0, len(line.text), size)]


def _short_parameters(line: Line) -> str:
    if not re.search(r"(?i)invoke-(?:web|rest)|start-bits|send-mail|copy-item", line.text):
        return line.text
    return words(line, lambda word: _SHORT.get(word.lower(), word))


def _colons(line: Line) -> str:
    return re.sub(
        r"(?i)( -(?:uri|method|infile|body|source|destination|attachments|smtpserver)) (?=[\w$'\"])", r"\1:", line.text
    )


def _value(word: str) -> str:
    return word if word[0] in "$\"'" else _quoted(word)


def _splatted(line: Line) -> Changed:
    """One cmdlet whose parameters all have a value of one word."""
    found = re.fullmatch(r"""([A-Za-z]+-[A-Za-z]+)((?: -\w+ (?:'[^']*'|"[^"]*"|[\w:\\/.@?=&$-]+))+)""", line.text)
    if not found:
        return None
    given = re.findall(r"""-(\w+) ('[^']*'|"[^"]*"|\S+)""", found[2])
    table = ";".join(f"{name}={_value(value)}" for name, value in given)
    return f"$h=@{{{table}}}; {found[1]} @h"


def _url_in_variable(line: Line) -> Changed:
    found = _URL.search(line.text)
    if not found:
        return None
    return f"$zu={found[0]}; {line.text[: found.start()]}$zu{line.text[found.end() :]}"


def _url_in_pieces(line: Line) -> Changed:
    found = _URL.search(line.text)
    if not found or line.text[: found.start()].rstrip(" ").endswith(("@", ",")):
        return None
    a, b = _halves(found[2])
    return f"{line.text[: found.start()]}('{a}'+'{b}'){line.text[found.end() :]}"


def _url_formatted(line: Line) -> Changed:
    found = _URL.search(line.text)
    if not found:
        return None
    scheme, _, rest = found[2].partition("://")
    return f"{line.text[: found.start()]}('{{1}}://{{0}}' -f '{rest}','{scheme}'){line.text[found.end() :]}"


def _comments(line: Line) -> str:
    return "<# update #> " + "".join(" <##> " if each.text == " " else each.text for each in pieces(line))


def _types(line: Line) -> str:
    """Names of .NET are read without regard to case."""
    return re.sub(
        r"\b(?:System\.)?(?:Net|Text|IO)\.(?:\w+\.)*\w+|\.(?:Upload|Send|Post|Get|Open|Write|Add)\w*(?=\()",
        lambda found: _mixed(found[0]),
        line.text,
    )


def _system_prefix(line: Line) -> str:
    return re.sub(
        r"(?<![\w.])(System\.)?(Net\.(?:WebClient|Sockets\.TcpClient|Mail\.SmtpClient|Http\.HttpClient))",
        lambda found: found[2] if found[1] else f"System.{found[2]}",
        line.text,
    )


def _script(form: str) -> Change:
    """The whole script as text within another."""

    def change(line: Line) -> Changed:
        text = line.text
        said = {
            "text": text,
            "quoted": _quoted(text),
            "back": _quoted(text[::-1]),
            "base64": _base64(line),
            "wide": _base64(line, "utf-16-le"),
            "codes": ",".join(str(ord(letter)) for letter in text),
            "hex": " ".join(f"{ord(letter):02x}" for letter in text),
            "plus": "+".join(_thirds(line)),
            "commas": ",".join(_thirds(line)),
            "holes": "".join(f"{{{at}}}" for at in range(len(_thirds(line)))),
            "marked": _quoted(text.replace("-", "~#")),
            "last": len(text),
        }
        if "{marked}" in form and "~" in text:
            return None
        return form.format(**said)

    return change


POWERSHELL = [
    Transformation(name, change)
    for name, change in {
        "mixed case of commands": _cmdlets("case"),
        "backticks": _cmdlets("ticks"),
        "aliases": _cmdlets("alias"),
        "mixed case of types": _types,
        "System. added or left out": _system_prefix,
        "command in quotes": called("& '{word}'"),
        "command by a dot": called('. "{word}"'),
        "command by +": called("& ('{a}'+'{b}')"),
        "command by -f": called("& (\"{{1}}{{0}}\" -f '{b}','{a}')"),
        "command by -join": called("& (-join ({letters}))"),
        "command by -join of codes": called("& (-join [char[]]({codes}))"),
        "command by [char]": called("&([char]{first}+'{rest}')"),
        "command by -replace": called("& ('{marked}' -replace '~','')"),
        "command by .Replace": called("& ('{marked}'.Replace('~',''))"),
        "command by base64": called("& ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{base64}')))"),
        "command reversed": called("& (-join '{back}'[-1..-{size}])"),
        "command in a variable": called("& $zc", "$zc='{word}'; "),
        "command in two variables": called("&($za+$zb)", "$za='{a}';$zb='{b}';"),
        "command in the environment": called("& $env:zc", "$env:zc='{word}'; "),
        "a new alias": called("zz", "Set-Alias zz {word}; "),
        "command by Get-Command": called("& (Get-Command {word})"),
        "short parameters": _short_parameters,
        "parameters with colons": _colons,
        "splatting": _splatted,
        "URL in a variable": _url_in_variable,
        "URL by +": _url_in_pieces,
        "URL by -f": _url_formatted,
        "iex": _script("iex {quoted}"),
        "iex of +": _script("Invoke-Expression ({plus})"),
        "iex of -join": _script("iex ({commas} -join '')"),
        "iex of -f": _script('iex ("{holes}" -f {commas})'),
        "iex of -replace": _script("iex ({marked} -replace '~#','-')"),
        "iex of a reversed text": _script("$s={back};iex (-join $s[-1..-($s.Length)])"),
        "iex of codes": _script("iex (-join [char[]]({codes}))"),
        "iex of codes by a loop": _script("iex (-join (({codes})|%{{[char]$_}}))"),
        "iex of hexadecimal": _script("iex (-join ('{hex}'.Split(' ')|%{{[char][Convert]::ToInt16($_,16)}}))"),
        "iex of base64": _script("iex ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{base64}')))"),
        "iex of wide base64": _script(
            'IEX $([System.Text.Encoding]::Unicode.GetString([System.Convert]::FromBase64String("{wide}")))'
        ),
        "iex of base64 in a variable": _script(
            "$b='{base64}'; $t=[Text.Encoding]::ASCII.GetString([Convert]::FromBase64String($b)); iex $t"
        ),
        "iex of gzip": lambda line: _packed(line, "Gzip"),
        "iex of deflate": lambda line: _packed(line, "Deflate"),
        "piped into iex": _script("{quoted} | iex"),
        "iex by letters of ComSpec": _script("&($env:ComSpec[4,24,25]-join'') {quoted}"),
        "iex by letters of PSHome": _script(".($PSHome[4]+$PSHome[30]+'x') {quoted}"),
        "iex by +": _script("&('i'+'ex') {quoted}"),
        "script block created": _script("& ([scriptblock]::Create({quoted}))"),
        "script block invoked": _script("[ScriptBlock]::Create({quoted}).Invoke()"),
        "InvokeScript": _script("$ExecutionContext.InvokeCommand.InvokeScript({quoted})"),
        "here-string": _script("iex @'\n{text}\n'@"),
        "in a block": _script("& {{ {text}\n}}"),
        "in a function": _script("function zf {{ {text}\n}}; zf"),
        "in a condition": _script("if ($true) {{ try {{ {text}\n}} catch {{}} }}"),
        "in a loop": _script("1..1 | ForEach-Object {{ {text}\n}}"),
        "in a job": _script("Start-Job -ScriptBlock {{ {text}\n}} | Wait-Job"),
        "comments": _comments,
        "-EncodedCommand": _option("-EncodedCommand"),
        "-e": _option("-NonI -W Hidden -e"),
        "-eNco": _option("-eNco"),
        "/ec": _option("/ec"),
        "en dash": _option("\u2013enc"),
        "powershell within": lambda line: (
            f"powershell -nop -ep bypass -enc {_base64(line, 'utf-16-le')}"
            if line.system == "windows"
            else f"pwsh -nop -enc {_base64(line, 'utf-16-le')}"
        ),
        "Start-Process": lambda line: (
            f"Start-Process powershell -WindowStyle Hidden -ArgumentList '-nop -enc {_base64(line, 'utf-16-le')}'"
        ),
        "cmd within": lambda line: (
            f"cmd /c powershell -enc {_base64(line, 'utf-16-le')}" if line.system == "windows" else None
        ),
        "echo piped into powershell": _script("{quoted} | powershell -NoProfile -Command -"),
    }.items()
]
