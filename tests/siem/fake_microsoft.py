"""Microsoft Entra ID's token endpoint, the query API of Log Analytics and Graph's runHuntingQuery, on loopback.

    with FakeMicrosoft() as fake:
        fake.kusto.add("SecurityEvent", {"TimeGenerated": "2026-03-12T09:14:02.1234567Z", "Computer": "WS1", ...})
        settings = {"kind": "sentinel", **fake.settings()}    # url, login, tenant, client_id, client_secret, workspace

Pages of learn.microsoft.com that it follows: entra/identity-platform/v2-oauth2-client-creds-grant-flow and
/certificate-credentials (tokens); azure/azure-monitor/logs/api/request-format, /response-format and /timeouts (errors),
azure/azure-monitor/service-limits (500,000 rows, 100 MB, then PartialError; 429);
graph/api/security-security-runhuntingquery, graph/api/resources/security-api-overview (100,000 rows, 124 MB, then 400;
429), graph/errors, defender-xdr/advanced-hunting-errors (messages). The queries themselves: fake_kusto.py.
"""

import base64
import json
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from .fake_kusto import Kusto, Refused, Result, micros
from .loopback import Answer, Loopback, Request, answer_json

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
SECRET = "Q~wholly-secret~"
LOGS, GRAPH = "https://api.loganalytics.io", "https://graph.microsoft.com"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class FakeMicrosoft(Loopback):
    """All of it may be changed while it runs.

    `instead`: answers to the next queries, whatever they are; `instead_of_tokens` likewise. `rights`: audiences that
    the application may use. `certificate`: its certificate in PEM form, for assertions. `rows`, `size`: most rows
    and bytes of an answer (Log Analytics, Graph). `lasts`: seconds that a token is good for. `now`: also Kusto's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kusto = Kusto(lambda: round(self.time() * 1_000_000))
        self.instead: deque[Answer] = deque()
        self.instead_of_tokens: deque[Answer] = deque()
        self.rights = {LOGS, GRAPH}
        self.secret = SECRET
        self.certificate = ""
        self.rows = {LOGS: 500_000, GRAPH: 100_000}
        self.size = {LOGS: 100 * 2**20, GRAPH: 124 * 2**20}
        self.lasts = 3599
        self.tokens: dict[str, tuple[str, float]] = {}
        """Token -> its audience, and its end (monotonic)."""

    def settings(self) -> dict[str, object]:
        """Of a `sentinel`; without workspace those of a `defender`."""
        return {
            "url": self.url,
            "login": self.url,
            "tenant": TENANT,
            "client_id": CLIENT,
            "client_secret": self.secret,
            "workspace": WORKSPACE,
        }

    @property
    def queries(self) -> list[dict[str, str]]:
        """The bodies of the queries that came in."""
        return [json.loads(request.body) for request in self.requests if "/oauth2/" not in request.path]

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.kusto.close()

    def answer(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except Exception as error:  # noqa: BLE001 a fault of the fake must not look like one of the client's
            return answer_json({"error": {"code": "FakeCant", "message": f"the fake can't: {error!r}"}}, 500)

    def _answer(self, request: Request) -> Answer:
        if request.path == f"/{TENANT}/oauth2/v2.0/token":
            return self.instead_of_tokens.popleft() if self.instead_of_tokens else self._token(request)
        if request.path.endswith("/oauth2/v2.0/token"):
            return _denied(400, "invalid_request", 90002, "AADSTS90002: Tenant not found.")
        if request.path == f"/v1/workspaces/{WORKSPACE}/query":
            return self._asked(request, LOGS, _of_logs)
        if request.path == "/v1.0/security/runHuntingQuery":
            return self._asked(request, GRAPH, _of_graph)
        return _logs_error(404, "PathNotFoundError", "The requested path does not exist")

    def _token(self, request: Request) -> Answer:
        form = request.form
        audience = form.get("scope", "").removesuffix("/.default")
        if form.get("grant_type") != "client_credentials" or audience not in (LOGS, GRAPH):
            return _denied(400, "invalid_scope", 70011, "AADSTS70011: The provided value for 'scope' is not valid.")
        if form.get("client_id") != CLIENT:
            return _denied(400, "unauthorized_client", 700016, f"AADSTS700016: Application {CLIENT} was not found.")
        if form.get("client_assertion_type") == _ASSERTION:
            if not self._signed(form["client_assertion"], request):
                return _denied(401, "invalid_client", 700027, "AADSTS700027: The certificate is not registered.")
        elif form.get("client_secret") != self.secret:
            return _denied(401, "invalid_client", 7000215, "AADSTS7000215: Invalid client secret provided.")
        token = str(uuid.uuid4())
        self.tokens[token] = (audience, time.monotonic() + self.lasts)
        lasts = {"expires_in": self.lasts, "ext_expires_in": self.lasts}
        return answer_json({"token_type": "Bearer", **lasts, "access_token": token})

    def _signed(self, assertion: str, request: Request) -> bool:
        import hashlib
        import ssl

        import jwt
        from cryptography.x509 import load_pem_x509_certificate

        shown = load_pem_x509_certificate(self.certificate.encode())
        thumbprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate)).digest()
        expected = base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")
        try:
            claims = jwt.decode(assertion, shown.public_key(), ["PS256"], audience=self.url + request.path)
        except jwt.InvalidTokenError:
            return False
        known = claims["iss"] == claims["sub"] == CLIENT and bool(claims["jti"])
        return known and jwt.get_unverified_header(assertion)["x5t#S256"] == expected

    def _asked(self, request: Request, audience: str, shape: "Shape") -> Answer:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        has, until = self.tokens.get(token, ("", 0.0))
        if time.monotonic() >= until:
            return shape.error(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
        if has != audience or audience not in self.rights:
            return shape.error(403, shape.lacking, shape.lacking_message)
        if self.instead:
            return self.instead.popleft()
        body = json.loads(request.body)
        try:
            result = self.kusto.run(body.get("query") or body["Query"])
        except Refused as error:
            return shape.refused(error)
        return shape.result(body, result, self.rows[audience], self.size[audience])


class Shape(NamedTuple):
    """How an API words its answers."""

    result: Callable[[dict[str, str], Result, int, int], Answer]
    error: Callable[[int, str, str], Answer]
    refused: Callable[[Refused], Answer]
    lacking: str
    lacking_message: str


def _logs_result(_body: dict[str, str], result: Result, most: int, size: int) -> Answer:
    columns = [{"name": name, "type": kind} for name, kind in result.columns.items()]
    table = {"name": "PrimaryResult", "columns": columns, "rows": result.rows[:most]}
    body: dict[str, Any] = {"tables": [table]}
    while (cut := len(json.dumps(body)) > size) and table["rows"]:
        table["rows"] = table["rows"][: len(table["rows"]) // 2]
    if len(table["rows"]) < len(result.rows) or cut:
        message = "The results of this query exceed the set limit, so not all records were returned"
        inner = {
            "code": "-2133196797",
            "message": f"{message} (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003).",
            "severity": 2,
        }
        said = {"code": "EngineError", "message": "Something went wrong processing your query on the server."}
        body["error"] = {
            "code": "PartialError",
            "message": "There were some errors when processing your query.",
            "details": [{**said, "innererror": inner}],
        }
    return answer_json(body)


def _logs_error(status: int, code: str, message: str) -> Answer:
    return answer_json({"error": {"message": message, "code": code}}, status)


def _logs_refused(error: Refused) -> Answer:
    inner = {"code": "SEM0100", "message": str(error)}
    within = {"code": error.kind, "message": "A semantic error occurred.", "innererror": inner}
    message = "The request had some invalid properties"
    return answer_json({"error": {"message": message, "code": "BadArgumentError", "innererror": within}}, 400)


def _graph_result(asked: dict[str, str], result: Result, most: int, size: int) -> Answer:
    span = asked.get("Timespan")
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    if span:
        first, last = (micros(end) for end in span.split("/"))
        rows = [row for row in rows if "Timestamp" not in row or first <= micros(row["Timestamp"]) <= last]
    schema = [{"name": name, "type": kind.capitalize()} for name, kind in result.columns.items()]
    context = "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults"
    body = {"@odata.context": context, "schema": schema, "results": rows[:most]}
    if len(json.dumps(body)) > size:
        advice = "Optimize your query by limiting the number of results and try again."
        return _graph_error(400, "BadRequest", f"Query execution has exceeded the allowed result size. {advice}")
    return answer_json(body)


def _graph_error(status: int, code: str, message: str) -> Answer:
    inner = {"date": "2026-03-12T09:14:02", "request-id": str(uuid.uuid4()), "client-request-id": str(uuid.uuid4())}
    return answer_json({"error": {"code": code, "message": message, "innerError": inner}}, status)


def _graph_refused(error: Refused) -> Answer:
    return _graph_error(
        400, "BadRequest", f"{error}. Fix {error.kind.removesuffix('Error').lower()} errors in your query."
    )


_of_logs = Shape(
    _logs_result,
    _logs_error,
    _logs_refused,
    "InsufficientAccessError",
    "The provided credentials have insufficient access to perform the requested operation",
)
_of_graph = Shape(
    _graph_result,
    _graph_error,
    _graph_refused,
    "Forbidden",
    "Missing application scopes. API required scopes: ThreatHunting.Read.All",
)


def _denied(status: int, error: str, number: int, said: str) -> Answer:
    """As Entra words it: the description has further lines, which are for its support."""
    more = f" Trace ID: {uuid.uuid4()} Correlation ID: {uuid.uuid4()} Timestamp: 2026-03-12 09:14:02Z"
    return answer_json({"error": error, "error_description": said + more, "error_codes": [number]}, status)
