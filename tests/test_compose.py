"""The wiring of docker-compose.yml, held against the Dockerfile and the settings; nothing is started."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from search_app.config import Settings

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|ROOT_USER")


def mounts(service: dict[str, Any]) -> list[str]:
    return [mount.split(":")[0] for mount in service["volumes"] if not mount.startswith("$")]


def address(service: str, variable: str) -> tuple[str, int]:
    host, port = SERVICES[service]["environment"][variable].removeprefix("http://").split(":")
    return host, int(port)


def test_every_port_is_published_on_the_loopback_address_only() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"milvus": ["127.0.0.1:19530:19530"], "app": ["127.0.0.1:8501:8501"]}
    assert all("network_mode" not in service for service in SERVICES.values())


def test_no_secret_stands_in_the_file_or_has_a_default() -> None:
    secrets = {
        f"{name}.{variable}": value
        for name, service in SERVICES.items()
        for variable, value in service.get("environment", {}).items()
        if SECRET_NAME.search(variable)
    }
    assert len(secrets) == 6
    required = re.compile(r"(root:)?\$\{[A-Z_]+:\?[^}]+\}")
    assert {name for name, value in secrets.items() if not required.fullmatch(value)} == set()


def test_every_variable_is_required_with_a_sentence_and_stands_empty_in_the_example() -> None:
    every = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))
    required = dict(re.findall(r"\$\{([A-Z_]+):\?([^}]+)\}", COMPOSE))
    assert every == set(required) == set(EXAMPLE)
    assert all(sentence.startswith(f"Set {name} in .env") for name, sentence in required.items())
    assert set(EXAMPLE.values()) == {""}


def test_the_app_is_given_only_settings_that_it_reads() -> None:
    known = {f"TWINSEARCH_{name.upper()}" for name in Settings.model_fields} | {"TWINSEARCH_HOME"}
    given = set(SERVICES["app"]["environment"])
    assert given == {"TWINSEARCH_HOME", "TWINSEARCH_MILVUS_URI", "TWINSEARCH_MILVUS_TOKEN"}
    assert given | set(re.findall(r"TWINSEARCH_\w+", DOCKERFILE)) <= known


def test_milvus_demands_the_password_that_the_app_gives() -> None:
    milvus = SERVICES["milvus"]["environment"]
    assert milvus["COMMON_SECURITY_AUTHORIZATIONENABLED"] == "true"
    password = milvus["COMMON_SECURITY_DEFAULTROOTPASSWORD"]
    assert SERVICES["app"]["environment"]["TWINSEARCH_MILVUS_TOKEN"] == f"root:{password}"


def test_milvus_gives_minio_the_account_that_minio_was_made_with() -> None:
    milvus, minio = SERVICES["milvus"]["environment"], SERVICES["minio"]["environment"]
    assert milvus["MINIO_ACCESS_KEY_ID"] == minio["MINIO_ROOT_USER"]
    assert milvus["MINIO_SECRET_ACCESS_KEY"] == minio["MINIO_ROOT_PASSWORD"]


@pytest.mark.parametrize(
    ("service", "variable", "expected"),
    [
        ("milvus", "ETCD_ENDPOINTS", ("etcd", 2379)),
        ("milvus", "MINIO_ADDRESS", ("minio", 9000)),
        ("app", "TWINSEARCH_MILVUS_URI", ("milvus", 19530)),
    ],
)
def test_a_service_waits_for_the_healthy_service_that_it_calls(
    service: str, variable: str, expected: tuple[str, int]
) -> None:
    host, _ = found = address(service, variable)
    assert found == expected
    assert SERVICES[service]["depends_on"][host] == {"condition": "service_healthy"}
    assert set(SERVICES[service]["networks"]) & set(SERVICES[host]["networks"])


def test_etcd_and_minio_are_reached_by_milvus_alone() -> None:
    members = {name for name, service in SERVICES.items() if "storage" in service["networks"]}
    assert members == {"etcd", "minio", "milvus"}
    assert SERVICES["etcd"]["networks"] == SERVICES["minio"]["networks"] == ["storage"]
    assert yaml.safe_load(COMPOSE)["networks"]["storage"] == {"internal": True}


def test_every_service_has_a_health_check_and_comes_back_after_a_crash() -> None:
    unchecked = [name for name, service in SERVICES.items() if "healthcheck" not in service]
    assert unchecked == ["app"]
    assert "\nHEALTHCHECK " in DOCKERFILE
    assert "http://127.0.0.1:8501/_stcore/health" in DOCKERFILE
    assert {service["restart"] for service in SERVICES.values()} == {"unless-stopped"}


def test_all_state_lies_in_declared_volumes() -> None:
    used = [mount for service in SERVICES.values() for mount in mounts(service)]
    assert sorted(used) == sorted(yaml.safe_load(COMPOSE)["volumes"])
    home = SERVICES["app"]["environment"]["TWINSEARCH_HOME"]
    assert home.startswith("/var/lib/twinsearch/")
    assert "home:/var/lib/twinsearch" in SERVICES["app"]["volumes"]
    assert f"TWINSEARCH_HOME={home}\n" in DOCKERFILE


def test_every_image_is_pinned_by_a_full_version() -> None:
    images = [service["image"] for service in SERVICES.values()] + re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    pinned = re.compile(r"[\w./-]+:(v?\d+\.\d+\.\d+[\w.-]*|RELEASE\.[\dTZ-]+)")
    assert [image for image in images if not pinned.fullmatch(image)] == []
    assert SERVICES["milvus"]["image"].startswith("milvusdb/milvus:v2.6.")


def test_the_app_runs_without_privileges_and_writes_to_its_volume_only() -> None:
    app = SERVICES["app"]
    assert (app["read_only"], app["cap_drop"], app["tmpfs"], app["init"]) == (True, ["ALL"], ["/tmp"], True)
    assert all("no-new-privileges:true" in service["security_opt"] for service in SERVICES.values())
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.M) == ["twinsearch"]
    documents = [mount for mount in app["volumes"] if mount.startswith("$")]
    assert [mount.rpartition("}")[2] for mount in documents] == [":/documents:ro"]


def test_the_app_is_started_with_a_command_that_exists() -> None:
    assert SERVICES["app"]["command"] == ["ui", "--address", "0.0.0.0", "--insecure"]
    assert 'CMD ["ui", "--address", "0.0.0.0", "--insecure"]' in DOCKERFILE
    shown = subprocess.run(
        [sys.executable, "-m", "search_app.cli", "ui", "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "--address" in shown.stdout


def test_the_image_is_built_from_files_that_exist_and_reach_the_build() -> None:
    copied = {name for names in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.M) for name in names.split()}
    ignored, *let_through = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if not line.startswith(("#", "**"))
    ]
    assert ignored == "*"
    assert {line.removeprefix("!") for line in let_through} == copied
    assert [name for name in sorted(copied) if not (ROOT / name).exists()] == []
