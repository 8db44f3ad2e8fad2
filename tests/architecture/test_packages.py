"""What is shipped, and what it depends on."""

import tomllib

from tests.architecture.tree import PACKAGES, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_wheel_holds_the_five_packages_and_nothing_else() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert sorted(wheel["packages"]) == sorted(package.name for package in PACKAGES)


def test_every_dependency_says_what_it_is_for() -> None:
    project = PROJECT["project"]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["embedded"],
        *PROJECT["dependency-groups"]["dev"],
    ]
    told = (ROOT / "docs/dependencies.md").read_text()

    for requirement in wanted:
        name = requirement.split(">")[0].split("[")[0].strip()
        assert f"`{name}" in told, f"docs/dependencies.md says nothing of {name}"


def test_the_lock_is_that_of_the_project() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    names = {package["name"] for package in lock["package"]}

    for requirement in PROJECT["project"]["dependencies"]:
        assert requirement.split(">")[0].split("[")[0].strip() in names
