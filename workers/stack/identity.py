"""Whom PostgreSQL runs as: it refuses root and the nameless; no folder's mode is changed."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from workers.stack.launch import StackError

SYSTEM_FOLDER = Path("/var/lib/mmo")
"""Where binaries and data go when nobody can enter their folder and user namespaces are off."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A way to run a program. `prefix` goes before its command line; None means as we are."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def own(self, path: Path) -> None:
        """Give a folder and all below it to this identity, where it belongs to another."""
        if os.geteuid() != 0:
            return
        user, group = self.user or 0, self.group or 0
        if path.stat().st_uid == user:
            return
        for inside in [path, *path.rglob("*")]:
            os.chown(inside, user, group, follow_symlinks=False)


def choose_identity(program: Path, folder: Path) -> Identity | None:
    """Choose how to run `program` on data in `folder`; None where only the system folder is left.

    An ordinary user: as we are. Root: as `nobody` where it can enter both folders; else as root
    within a user namespace that calls itself nobody and holds none of root's powers. A user
    whom the machine does not know by name: within such a namespace too. A parent folder's mode
    is never changed.
    """
    if os.geteuid() != 0 and _has_name():
        return Identity()
    nobody = _nobody()
    stepped_down = Identity(user=nobody.pw_uid, group=nobody.pw_gid)
    if os.geteuid() == 0 and _enters(folder.parent, nobody) and _runs(program, stepped_down):
        return stepped_down
    namespace = Identity(
        prefix=(
            shutil.which("unshare") or "unshare",
            "--user",
            f"--map-user={nobody.pw_uid}",
            f"--map-group={nobody.pw_gid}",
        )
    )
    if _runs(program, namespace):
        return namespace
    if os.geteuid() != 0:
        raise StackError(
            f"PostgreSQL refuses to run as user {os.geteuid()}, who has no name on this machine: "
            "start mmo as a user of the machine"
        )
    return None


def system_identity(program: Path) -> Identity:
    """Run as `nobody` from the system folder; raises StackError where even that fails."""
    nobody = _nobody()
    identity = Identity(user=nobody.pw_uid, group=nobody.pw_gid)
    if not _runs(program, identity):
        raise StackError(
            "PostgreSQL refuses to run as root, and no other user can run it here: "
            "start mmo as an ordinary user"
        )
    return identity


def _has_name() -> bool:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise StackError(
            "PostgreSQL refuses to run as root and there is no user `nobody`: "
            "start mmo as an ordinary user"
        ) from None


def _enters(folder: Path, user: pwd.struct_passwd) -> bool:
    """Whether the user may walk down to the folder, by the mode of each folder on the way."""
    way = [folder.resolve(), *folder.resolve().parents]
    return all(_may_enter(step.stat(), user) for step in way)


def _may_enter(stat: os.stat_result, user: pwd.struct_passwd) -> bool:
    if stat.st_uid == user.pw_uid:
        return bool(stat.st_mode & 0o100)
    if stat.st_gid == user.pw_gid:
        return bool(stat.st_mode & 0o010)
    return bool(stat.st_mode & 0o001)


def _runs(program: Path, identity: Identity) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - the argv is ours
            [*identity.prefix, str(program), "--version"],
            capture_output=True,
            check=False,
            timeout=20,
            cwd="/",
            user=identity.user,
            group=identity.group,
            extra_groups=None if identity.user is None else [],
        )
    except OSError:
        return False
    return done.returncode == 0
