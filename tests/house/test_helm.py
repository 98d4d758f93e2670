"""The Helm chart: linted and rendered by Helm, taken by Kubernetes, and no looser than the plain manifests."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tests.servers.helm import helm
from tests.servers.postgresql import Cluster

from exfilwatch import __version__
from exfilwatch.findings.database import Database

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
CHART = DEPLOY / "helm"
MANY = Path(__file__).with_name("helm_values.yaml")
WAYS = {
    "as it is": (),
    "named": ("settings=[serve]\nat_once = 4", "secrets.EXFILWATCH_SIEM__MAIN__TOKEN=s: {{ x }} \"'"),
    "like the manifests": ("existingConfigMap=exfilwatch", "existingSecret=exfilwatch"),
    "polls": ("mode=polls", "existingConfigMap=exfilwatch", "existingSecret=exfilwatch"),
    "polls, with much": ("mode=polls", MANY),
    "with much": (MANY,),
    "nothing kept": ("persistence.enabled=false", "networkPolicy.enabled=false", "pollEvery="),
}


def run(command: str, *given: str | Path, release: str = "exfilwatch") -> subprocess.CompletedProcess[str]:
    words = [helm(), command, *([release] if command == "template" else []), CHART, "--kube-version", "1.31.0"]
    words += ["--namespace", "exfilwatch", *(["--strict"] if command == "lint" else [])]
    for each in given:
        words += ["--values", each] if isinstance(each, Path) else ["--set", each.replace(",", r"\,")]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def rendered(*given: str | Path, release: str = "exfilwatch") -> list[Any]:
    done = run("template", *given, release=release)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def pods(manifests: list[Any]) -> Iterator[Any]:
    for each in manifests:
        if each["kind"] == "Deployment":
            yield each["spec"]["template"]["spec"]
        elif each["kind"] == "CronJob":
            yield each["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def plain(kind: str) -> Any:
    (found,) = [each for each in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()) if each["kind"] == kind]
    return found


def test_the_chart_is_of_this_version_and_its_schema_knows_each_value() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())

    def same(value: Any, wanted: Any, where: str) -> None:
        if isinstance(value, dict) and "properties" in wanted:
            assert value.keys() == wanted["properties"].keys() - {"global"}, where
            for name, each in value.items():
                same(each, wanted["properties"][name], f"{where}.{name}")

    same(values, schema, "values")


@pytest.mark.parametrize("given", WAYS.values(), ids=WAYS)
def test_helm_and_kubernetes_take_it(given: tuple[str | Path, ...]) -> None:
    linted = run("lint", *given)
    assert linted.returncode == 0, linted.stdout
    found = rendered(*given)
    for each in found:
        kubernetes_validate.validate(each, "1.31", strict=True)
        assert each["metadata"]["namespace"] == "exfilwatch"
    assert len(list(pods(found))) == 1


@pytest.mark.parametrize("kind", ["Deployment", "CronJob"])
def test_the_pods_are_those_of_the_plain_manifests(kind: str) -> None:
    (made,) = pods(rendered(*WAYS["like the manifests" if kind == "Deployment" else "polls"]))
    (wanted,) = pods([plain(kind)])
    (container,) = made["containers"]
    assert container.pop("imagePullPolicy") == "IfNotPresent"
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        if kind == "Deployment":
            assert container[name]["httpGet"].pop("scheme") == "HTTP"
    assert made == wanted


@pytest.mark.parametrize("given", WAYS.values(), ids=WAYS)
def test_whatever_is_chosen_pods_are_as_tight_as_the_plain_ones(given: tuple[str | Path, ...]) -> None:
    found = rendered(*given)
    (made,), (wanted,) = pods(found), pods([plain("Deployment")])
    (container,), (other,) = made["containers"], wanted["containers"]
    assert made["securityContext"] == wanted["securityContext"]
    assert container["securityContext"] == other["securityContext"]
    assert made["automountServiceAccountToken"] is False
    (account,) = [each for each in found if each["kind"] == "ServiceAccount"]
    assert account["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & made.keys()


def test_the_same_network_policy_and_volume_as_the_plain_ones() -> None:
    found = {each["kind"]: each["spec"] for each in rendered() if "spec" in each}
    for kind in ("NetworkPolicy", "PersistentVolumeClaim"):
        wanted = plain(kind)["spec"]
        if kind == "NetworkPolicy":
            wanted["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] = "exfilwatch"
        assert found[kind] == wanted


def test_with_postgresql_the_password_is_in_no_manifest_but_the_secret() -> None:
    (pod,) = pods(rendered(MANY))
    database, password = pod["containers"][0]["env"]
    assert database == {
        "name": "EXFILWATCH_DATABASE",
        "value": "postgresql://exfilwatch@db.corp.example:5432/exfilwatch?sslmode=require",
    }
    assert password["name"] == "PGPASSWORD"
    assert password["valueFrom"] == {"secretKeyRef": {"name": "db", "key": "password"}}


def test_the_database_takes_its_password_so(postgresql: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgresql.new_database()
    without = url.replace(f":{postgresql.password}@", "@")
    assert without != url
    monkeypatch.setenv("PGPASSWORD", postgresql.password)
    with Database(f"{without}?sslmode=prefer").read() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_settings_and_secrets_arrive_as_they_are() -> None:
    found = {each["kind"]: each for each in rendered(*WAYS["named"], release="a-watch")}
    assert found["ConfigMap"]["data"]["config.toml"] == "[serve]\nat_once = 4"
    assert found["Secret"]["stringData"] == {"EXFILWATCH_SIEM__MAIN__TOKEN": "s: {{ x }} \"'"}
    assert found["Deployment"]["metadata"]["name"] == "a-watch-exfilwatch"
    args = found["Deployment"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args == ["serve", "--host", "0.0.0.0", "--insecure", "--poll-every", "5m"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("replicas=2",), "more than one needs postgresql.host"),
        (("replicas=2", "postgresql.host=db", "postgresql.existingSecret=db"), "a volume that all may write"),
        (("postgresql.host=db",), "name the Secret that has the password"),
        (("settings=a", "existingConfigMap=b"), "give one of them"),
        (("secrets.EXFILWATCH_A=a", "existingSecret=b"), "give one of them"),
        (("secrets.PASSWORD=a",), "PASSWORD"),
        (("secrets.EXFILWATCH_A=",), "EXFILWATCH_A"),
        (("ingress.enabled=true", "ingress.host=a.example"), "tlsSecret"),
        (("replica=2",), "replica"),
        (("mode=both",), "mode"),
        (("postgresql.sslmode=off",), "sslmode"),
        (("pollEvery=often",), "pollEvery"),
        (("networkPolicy.from=null",), "networkPolicy"),
    ],
    ids=lambda given: given[-1] if isinstance(given, tuple) else "",
)
def test_what_can_not_work_is_refused_by_name(given: tuple[str | Path, ...], why: str) -> None:
    done = run("template", *given)
    assert done.returncode != 0
    assert why in done.stderr
