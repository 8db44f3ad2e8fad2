"""What stands in docker-compose, Makefile and Dockerfile is what the code knows."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from mmo.settings import Settings
from workers.broker import MONITOR
from workers.roles import ROLES
from workers.stack.temporal_server import DYNAMIC_CONFIG

ROOT = Path(__file__).parents[2]
SERVERS = {
    "postgres",
    "temporal-postgres",
    "temporal-schema",
    "temporal",
    "temporal-ui",
    "nats",
    "migrate",
    "hsm",
    "broker",
    "seed",
}
SETTINGS = {f"MMO_{name.upper()}" for name in Settings.model_fields}


def compose() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def test_compose_follows_its_specification() -> None:
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema"]
    file = ROOT / "docker-compose.yml"
    done = subprocess.run(
        [*command, "vendor.compose-spec", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_compose_runs_every_role_and_no_other() -> None:
    assert set(compose()) - SERVERS == {role.name for role in ROLES if role.split}


def test_every_role_of_compose_is_itself_alone() -> None:
    services = compose()
    for role in ROLES:
        if role.split:
            service = services[role.name]
            assert service["command"] == ["python", "-m", "workers", role.name]
            assert service["environment"]["MMO_DATABASE_USER"] == role.database_user
            assert service["read_only"] is True
            assert service["healthcheck"]


def test_compose_says_only_what_the_settings_know() -> None:
    said = {
        name
        for service in compose().values()
        for name in service.get("environment", {})
        if name.startswith("MMO_")
    }
    assert said
    assert said <= SETTINGS


def test_what_compose_depends_on_is_there() -> None:
    services = compose()
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (ROOT / source).exists()


def test_both_ways_to_run_temporal_have_one_configuration() -> None:
    shipped = yaml.safe_load((ROOT / "deploy" / "temporal" / "dynamic.yaml").read_text())
    assert shipped == {name: [{"value": value}] for name, value in DYNAMIC_CONFIG.items()}


def test_the_image_names_only_what_the_settings_know() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    assert set(re.findall(r"MMO_[A-Z_]+", text)) <= SETTINGS
    assert "\nUSER mmo\n" in text


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY"))
    said = subprocess.check_output(["make", "-C", ROOT, "-s", "help"], text=True)
    assert re.findall(r"make ([a-z-]+) ", said) == phony.split()[1:]


def test_the_broker_of_compose_is_reached_over_tls_and_from_no_other_machine() -> None:
    services = compose()
    assert "ports" not in services["nats"]
    for role in ROLES:
        if role.split:
            settings = services[role.name]["environment"]
            assert settings["MMO_NATS_URL"] == "tls://nats:4222"
            assert settings["MMO_NATS_CA_FILE"].startswith("/var/lib/mmo/secrets/")
    configuration = services["nats"]["command"][1]
    folder, host = services["broker"]["command"][4:6]
    assert configuration == f"{folder}/nats.conf"
    assert host == "nats"
    probe = services["nats"]["healthcheck"]["test"][-1]
    assert MONITOR.split('"')[1] in probe, "it listens on that address of the container alone"
    mounted = {volume.partition(":")[0] for volume in services["nats"]["volumes"]}
    assert mounted == {"broker"}, "the broker sees no secret of the roles but its users'"


def test_every_role_of_compose_is_scraped_within_its_network_alone() -> None:
    services = compose()
    for role in ROLES:
        if role.split:
            service = services[role.name]
            settings = service["environment"]
            assert settings["MMO_METRICS_HOST"] == "0.0.0.0"
            port = settings["MMO_METRICS_PORT"]
            assert service["expose"] == [port]
            assert not [one for one in service.get("ports", []) if one.endswith(f":{port}")]
