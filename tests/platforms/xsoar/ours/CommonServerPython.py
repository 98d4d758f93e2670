"""What every Python integration of Cortex XSOAR is given, as far as ours uses it and as the developers' pages describe
it: for tests where the real one is not at hand.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import dateparser
import demistomock as demisto
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

__all__ = [
    "BaseClient", "CommandResults", "DemistoException", "EntryType", "IncidentSeverity", "ScheduledCommand",
    "argToBoolean", "arg_to_datetime", "arg_to_number", "demisto", "fileResult", "return_error", "return_results",
    "tableToMarkdown",
]  # fmt: skip


class EntryType:
    NOTE, FILE, ERROR, ENTRY_INFO_FILE = 1, 3, 4, 9


class IncidentSeverity:
    UNKNOWN, INFO, LOW, MEDIUM, HIGH, CRITICAL = 0, 0.5, 1, 2, 3, 4


class DemistoException(Exception):
    def __init__(self, message: str, exception: Exception | None = None, res: Any = None) -> None:
        super().__init__(message)
        self.message, self.exception, self.res = message, exception, res

    def __str__(self) -> str:
        return str(self.message)


class BaseClient:
    def __init__(self, base_url: str, verify: bool = True, proxy: bool = False, headers: Any = None) -> None:
        self._base_url, self._verify, self._headers = base_url, verify, headers
        self._session = requests.Session()
        self._session.trust_env = proxy

    def _http_request(
        self, method: str, url_suffix: str = "", headers: Any = None, params: Any = None, json_data: Any = None,
        timeout: float = 60, resp_type: str = "json", error_handler: Any = None, retries: int = 0,
        status_list_to_retry: Any = None, backoff_factor: float = 5,
    ) -> Any:  # fmt: skip
        address = f"{self._base_url.rstrip('/')}/{url_suffix.lstrip('/')}"
        if retries:
            again = Retry(
                total=retries, read=retries, connect=retries, status=retries, backoff_factor=backoff_factor,
                status_forcelist=status_list_to_retry, allowed_methods=frozenset(["GET", "POST", "PUT"]),
                raise_on_status=False,
            )  # fmt: skip
            self._session.mount(address, HTTPAdapter(max_retries=again))
        try:
            answer = self._session.request(
                method, address, params=params, json=json_data, headers=headers or self._headers, timeout=timeout,
                verify=self._verify,
            )  # fmt: skip
        except requests.exceptions.SSLError as error:
            raise DemistoException("SSL Certificate Verification Failed", error) from error
        except requests.exceptions.ConnectionError as error:
            raise DemistoException(f"Verify that the server URL parameter is correct: {error}", error) from error
        if not answer.ok:
            error_handler(answer)
        return answer if resp_type == "response" else answer.json()


class ScheduledCommand:
    def __init__(
        self, command: str, next_run_in_seconds: int, args: Any = None, timeout_in_seconds: int | None = None
    ) -> None:
        self._said = {
            "PollingCommand": command,
            "NextRun": str(max(10, next_run_in_seconds)),
            "PollingArgs": args,
            "Timeout": str(timeout_in_seconds),
        }

    def to_results(self) -> dict[str, Any]:
        return self._said


class CommandResults:
    def __init__(
        self, outputs_prefix: Any = None, outputs_key_field: Any = None, outputs: Any = None,
        readable_output: Any = None, raw_response: Any = None, ignore_auto_extract: bool = False,
        scheduled_command: Any = None,
        replace_existing: bool = False,
    ) -> None:  # fmt: skip
        self._prefix, self._key, self._outputs, self._replace = (
            outputs_prefix, outputs_key_field, outputs, replace_existing,
        )  # fmt: skip
        self._entry: dict[str, Any] = {
            "Type": EntryType.NOTE,
            "ContentsFormat": "json",
            "Contents": outputs if raw_response is None else raw_response,
            "HumanReadable": readable_output,
            "IgnoreAutoExtract": ignore_auto_extract,
        }
        self._scheduled = scheduled_command

    def to_context(self) -> dict[str, Any]:
        context: dict[str, Any] = {}
        if self._outputs:
            parent, _, last = self._prefix.rpartition(".")
            if self._replace:
                context[f"{parent}(true)"] = {last: self._outputs}
            elif self._key:
                context[f"{self._prefix}(val.{self._key} && val.{self._key} == obj.{self._key})"] = self._outputs
            else:
                context[self._prefix] = self._outputs
        return {**self._entry, "EntryContext": context, **(self._scheduled.to_results() if self._scheduled else {})}


def return_results(results: Any) -> None:
    for each in results if isinstance(results, list) else [results]:
        demisto.results(each.to_context() if isinstance(each, CommandResults) else each)


def return_error(message: str, error: Any = "") -> None:
    if demisto.command() == "fetch-incidents":
        raise Exception(message)
    demisto.results({"Type": EntryType.ERROR, "ContentsFormat": "text", "Contents": message, "EntryContext": None})
    sys.exit(0)


def fileResult(filename: str, data: Any, file_type: int | None = None) -> dict[str, Any]:  # noqa: N802
    name = demisto.uniqueFile()
    file = Path(f"{demisto.investigation()['id']}_{name}")
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return {
        "Contents": "",
        "ContentsFormat": "text",
        "Type": file_type or EntryType.FILE,
        "File": filename,
        "FileID": name,
    }


def tableToMarkdown(  # noqa: N802
    name: str,
    t: Any,
    headers: Any = None,
    headerTransform: Any = None,  # noqa: N803
    metadata: Any = None,
) -> str:
    rows = t if isinstance(t, list) else [t]
    lines = [f"### {name}"] if name else []
    lines += [metadata] if metadata else []
    if not rows or not headers:
        return "\n".join([*lines, "**No entries.**", ""])
    lines += [f"|{'|'.join(map(headerTransform or str, headers))}|", f"|{'|'.join('---' for _ in headers)}|"]
    for row in rows:
        cells = (
            str(row.get(each, "")).replace("\n", "<br>").replace("|", "\\|").replace("`", "\\`") for each in headers
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def argToBoolean(value: Any) -> bool:  # noqa: N802
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("y", "yes", "t", "true", "on", "1"):
        return True
    if str(value).lower() in ("n", "no", "f", "false", "off", "0"):
        return False
    raise ValueError("Argument does not contain a valid boolean-like value")


def arg_to_number(arg: Any, arg_name: str | None = None, required: bool = False) -> int | None:
    if arg in (None, ""):
        if required:
            raise ValueError(f'Missing "{arg_name}"')
        return None
    try:
        return int(float(arg))
    except ValueError:
        raise ValueError(f'"{arg}" is not a valid number in "{arg_name}"') from None


def arg_to_datetime(arg: Any, arg_name: str | None = None, required: bool = False) -> datetime | None:
    found = dateparser.parse(str(arg), settings={"TIMEZONE": "UTC", "RETURN_AS_TIMEZONE_AWARE": True})
    if found is None and required:
        raise ValueError(f'"{arg}" is not a valid date in "{arg_name}"')
    return found
