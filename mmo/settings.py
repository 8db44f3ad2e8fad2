"""The one place that reads the environment: every setting of every process, with its default."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one process. Each field is the environment variable MMO_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="MMO_", extra="ignore", frozen=True)

    home: Path = Field(
        default=Path(".mmo"), description="Data directory: databases, secrets, logs, ports."
    )
    env: str = Field(
        default="production",
        description="`dev` lets keys be files, for pure unit tests; nothing else changes.",
    )

    database_host: str = Field(default="127.0.0.1", description="Host of the mmo database.")
    database_port: int = Field(default=5432, description="Port of the mmo database.")
    database_name: str = Field(default="mmo", description="Name of the mmo database.")
    database_user: str = Field(
        default="mmo_background", description="The role's own database user."
    )
    database_password: SecretStr = Field(default=SecretStr(""), description="Its password.")
    database_password_file: Path | None = Field(
        default=None, description="File to read the password from."
    )
    secrets_directory: Path | None = Field(
        default=None,
        description="One file per database user with its password; default HOME/secrets.",
    )
    database_pool_max: int = Field(default=4, description="Connections per process.", ge=1, le=64)

    temporal_address: str = Field(default="127.0.0.1:7233", description="gRPC address of Temporal.")
    temporal_authorizer: bool = Field(
        default=False, description="Whether Temporal demands permits; its dev server cannot."
    )
    temporal_ui_url: str = Field(default="", description="Where Temporal UI answers, for links.")
    nats_url: str = Field(
        default="nats://127.0.0.1:4222",
        description="The broker. Outside of the loopback address it must be tls://.",
    )
    nats_ca_file: Path | None = Field(
        default=None,
        description="Certificates that sign the broker's; the machine's own without it.",
    )
    nats_secrets_directory: Path | None = Field(
        default=None,
        description="One file nats_USER per user of the broker, with its password; default "
        "HOME/secrets.",
    )

    listen_host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    listen_port: int = Field(default=8080, description="Port the API listens on.")

    metrics_host: str = Field(
        default="127.0.0.1", description="Address of /metrics; it has no log-in."
    )
    metrics_port: int | None = Field(
        default=None, description="Port of /metrics in this process; none without it."
    )

    issuer: str = Field(
        default="http://127.0.0.1:8090",
        description="Where the authorization server is reached; a tenant's issuer is under it.",
    )
    authorization_host: str = Field(
        default="127.0.0.1", description="Address the authorization server listens on."
    )
    authorization_port: int = Field(default=8090, description="Port it listens on.")

    pkcs11_module: Path | None = Field(
        default=None, description="The PKCS#11 library; SoftHSM is found where it is installed."
    )
    hsm_token: str = Field(default="mmo", description="Label of the token that holds the keys.")
    hsm_pin_file: Path | None = Field(
        default=None, description="File with the user PIN; default HOME/secrets/hsm.pin."
    )
    hsm_directory: Path | None = Field(
        default=None, description="SoftHSM's own folder; default HOME/hsm."
    )
    keys_socket: Path | None = Field(
        default=None, description="Socket of the process `keys`; default HOME/run/keys.sock."
    )
    audience: str = Field(
        default="mmo-api", description="The audience that access tokens must carry."
    )
    smsc_host: str = Field(default="127.0.0.1", description="Host of the SMS centre (SMPP 3.4).")
    smsc_port: int = Field(default=2775, description="Its port.")
    smsc_system_id: str = Field(default="mmo", description="The name that it knows us by.")
    smsc_password_file: Path | None = Field(
        default=None, description="File with the password for it; none for the simulator."
    )
    smsc_rate: int = Field(default=50, description="Parts of messages a second.", ge=1, le=1000)
    webhook_loopback: bool = Field(
        default=False,
        description="Lets webhooks go to http://127.0.0.1, for demos and tests on one machine.",
    )
    webhook_retry_s: float = Field(
        default=10.0, description="Seconds before a webhook is tried a second time.", gt=0
    )
    webhook_tries_max: int = Field(
        default=16, description="Tries before a webhook is a dead letter.", ge=1, le=50
    )
    history_retention_days: int = Field(
        default=30, description="Retention of a tenant's namespace.", ge=1
    )
    ready_file: Path | None = Field(
        default=None, description="File that a role touches once it is ready."
    )
    log_level: str = Field(default="INFO", description="Lowest level that is logged.")

    @model_validator(mode="after")
    def _password_from_file(self) -> Self:
        path = self.database_password_file
        if path is not None and not self.database_password.get_secret_value():
            object.__setattr__(self, "database_password", SecretStr(path.read_text().strip()))
        return self

    @property
    def keys_at(self) -> Path:
        return self.keys_socket or self.home / "run" / "keys.sock"

    @property
    def hsm(self) -> Path:
        return self.hsm_directory or self.home / "hsm"

    @property
    def hsm_pin(self) -> Path:
        return self.hsm_pin_file or self.secrets / "hsm.pin"

    @property
    def secrets(self) -> Path:
        return self.secrets_directory or self.home / "secrets"

    @property
    def nats_secrets(self) -> Path:
        return self.nats_secrets_directory or self.secrets

    def as_user(self, user: str) -> Self:
        """The same with another database user, whose password is among the secrets."""
        file = self.secrets / user
        password = SecretStr(file.read_text().strip()) if file.exists() else self.database_password
        return self.model_copy(update={"database_user": user, "database_password": password})

    def dsn(self) -> str:
        """Connection string of this process's database user."""
        password = self.database_password.get_secret_value()
        return (
            f"host={self.database_host} port={self.database_port} dbname={self.database_name} "
            f"user={self.database_user} password={password} connect_timeout=5"
        )
