"""What variables hold on nearly every Windows. Names in lower case."""

from typing import Final

ENVIRONMENT: Final = {
    "allusersprofile": "C:\\ProgramData",
    "commonprogramfiles": "C:\\Program Files\\Common Files",
    "commonprogramfiles(x86)": "C:\\Program Files (x86)\\Common Files",
    "commonprogramw6432": "C:\\Program Files\\Common Files",
    "comspec": "C:\\WINDOWS\\system32\\cmd.exe",
    "os": "Windows_NT",
    "pathext": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
    "processor_architecture": "AMD64",
    "programdata": "C:\\ProgramData",
    "programfiles": "C:\\Program Files",
    "programfiles(x86)": "C:\\Program Files (x86)",
    "programw6432": "C:\\Program Files",
    "public": "C:\\Users\\Public",
    "systemdrive": "C:",
    "systemroot": "C:\\WINDOWS",
    "windir": "C:\\WINDOWS",
}

OF_A_USER: Final = {
    "appdata": "C:\\Users\\*\\AppData\\Roaming",
    "homepath": "\\Users\\*",
    "localappdata": "C:\\Users\\*\\AppData\\Local",
    "temp": "C:\\Users\\*\\AppData\\Local\\Temp",
    "tmp": "C:\\Users\\*\\AppData\\Local\\Temp",
    "userprofile": "C:\\Users\\*",
}
"""Environment variables whose value has the user's name within, here a star."""

POWERSHELL: Final = {
    "pshome": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
    "shellid": "Microsoft.PowerShell",
    "verbosepreference": "SilentlyContinue",
    "debugpreference": "SilentlyContinue",
    "warningpreference": "Continue",
    "erroractionpreference": "Continue",
    "confirmpreference": "High",
    "maximumdrivecount": "4096",
    "ofs": " ",
}
"""PowerShell's own variables."""
