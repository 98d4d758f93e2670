"""ATT&CK's names and pages of the tactics and techniques that rules of the packs name (attack.mitre.org)."""

TACTICS = {
    "exfiltration": ("Exfiltration", "TA0010"),
    "collection": ("Collection", "TA0009"),
    "command-and-control": ("Command and Control", "TA0011"),
    "persistence": ("Persistence", "TA0003"),
    "execution": ("Execution", "TA0002"),
    "defense-evasion": ("Defense Evasion", "TA0005"),
    "credential-access": ("Credential Access", "TA0006"),
    "discovery": ("Discovery", "TA0007"),
    "lateral-movement": ("Lateral Movement", "TA0008"),
    "privilege-escalation": ("Privilege Escalation", "TA0004"),
    "impact": ("Impact", "TA0040"),
    "initial-access": ("Initial Access", "TA0001"),
}
"""By the name that Sigma's tags have."""

TECHNIQUES = {
    "T1005": "Data from Local System",
    "T1020": "Automated Exfiltration",
    "T1027": "Obfuscated Files or Information",
    "T1029": "Scheduled Transfer",
    "T1030": "Data Transfer Size Limits",
    "T1039": "Data from Network Shared Drive",
    "T1041": "Exfiltration Over C2 Channel",
    "T1048": "Exfiltration Over Alternative Protocol",
    "T1048.001": "Exfiltration Over Symmetric Encrypted Non-C2 Protocol",
    "T1048.002": "Exfiltration Over Asymmetric Encrypted Non-C2 Protocol",
    "T1048.003": "Exfiltration Over Unencrypted Non-C2 Protocol",
    "T1052": "Exfiltration Over Physical Medium",
    "T1052.001": "Exfiltration Over Physical Medium: Exfiltration over USB",
    "T1053": "Scheduled Task/Job",
    "T1053.002": "Scheduled Task/Job: At",
    "T1053.003": "Scheduled Task/Job: Cron",
    "T1053.005": "Scheduled Task/Job: Scheduled Task",
    "T1053.006": "Scheduled Task/Job: Systemd Timers",
    "T1059": "Command and Scripting Interpreter",
    "T1059.001": "Command and Scripting Interpreter: PowerShell",
    "T1071": "Application Layer Protocol",
    "T1071.001": "Application Layer Protocol: Web Protocols",
    "T1071.002": "Application Layer Protocol: File Transfer Protocols",
    "T1071.003": "Application Layer Protocol: Mail Protocols",
    "T1071.004": "Application Layer Protocol: DNS",
    "T1074": "Data Staged",
    "T1074.001": "Data Staged: Local Data Staging",
    "T1090": "Proxy",
    "T1095": "Non-Application Layer Protocol",
    "T1105": "Ingress Tool Transfer",
    "T1114": "Email Collection",
    "T1119": "Automated Collection",
    "T1197": "BITS Jobs",
    "T1213": "Data from Information Repositories",
    "T1218": "System Binary Proxy Execution",
    "T1537": "Transfer Data to Cloud Account",
    "T1543.001": "Create or Modify System Process: Launch Agent",
    "T1543.004": "Create or Modify System Process: Launch Daemon",
    "T1555": "Credentials from Password Stores",
    "T1560": "Archive Collected Data",
    "T1560.001": "Archive Collected Data: Archive via Utility",
    "T1560.002": "Archive Collected Data: Archive via Library",
    "T1567": "Exfiltration Over Web Service",
    "T1567.001": "Exfiltration Over Web Service: to Code Repository",
    "T1567.002": "Exfiltration Over Web Service: to Cloud Storage",
    "T1567.003": "Exfiltration Over Web Service: to Text Storage Sites",
    "T1567.004": "Exfiltration Over Web Service: Over Webhook",
    "T1572": "Protocol Tunneling",
}


def technique(name: str) -> str:
    """A technique as a link with its name, where it is known here."""
    said = f" {TECHNIQUES[name]}" if name in TECHNIQUES else ""
    return f"[{name}](https://attack.mitre.org/techniques/{name.replace('.', '/')}/){said}"


def of(tags: list[str]) -> tuple[list[str], list[str]]:
    """The tactics and the techniques that tags name, both in order."""
    names = [tag.partition(".")[2] for tag in tags if tag.startswith("attack.")]
    techniques = sorted({each.upper() for each in names if each[:1] in "tT" and each[1:5].isdigit()})
    return [each for each in TACTICS if each in names], techniques
