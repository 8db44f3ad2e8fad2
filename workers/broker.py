"""Prepare the broker of another machine or container: `python -m workers broker FOLDER HOST`.

Its configuration, with the users and their passwords, and a certificate for its host's name are
made in FOLDER; the passwords and the certificate that clients trust, among the secrets. Safe to
repeat: what is there stays.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mmo.settings import Settings
from workers.stack.launch import StackError
from workers.stack.nats import CONFIG, TLS, users_block, write_secret

PORT = 4222
VALID = timedelta(days=3650)
"""Clients trust this one certificate and no other; removing its files makes a new one."""
CERTIFICATE, KEY, CONFIGURATION = "server.crt", "server.key", "nats.conf"
MONITOR = 'http: "127.0.0.1:8222"\n'
"""For the health check from within: it tells subjects and connections, and asks for no name."""


def main(arguments: Sequence[str]) -> int:
    """Prepare what the arguments name; one line and exit code 1 where it fails."""
    if len(arguments) not in (2, 3):
        sys.stderr.write("mmo: python -m workers broker FOLDER HOST [USERS.json]\n")
        return 2
    folder, host, *more = arguments
    try:
        prepare(Settings(), Path(folder), host, Path(more[0]) if more else None)
    except StackError as error:
        sys.stderr.write(f"mmo: {error}\n")
        return 1
    return 0


def prepare(
    settings: Settings, folder: Path, host: str, users_file: Path | None, listen: str = ""
) -> Path:
    """Write the broker's files, and answer with its configuration. Raises StackError."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / CERTIFICATE, folder / KEY
    if not (certificate.exists() and key.exists()):
        certify(certificate, key, host)
    trusted = settings.nats_ca_file or settings.nats_secrets / "nats.crt"
    users = users_block(settings.nats_secrets, users_file)
    trusted.write_bytes(certificate.read_bytes())
    text = CONFIG.format(listen=listen or f"0.0.0.0:{PORT}", store=folder / "data")
    tls = TLS.format(certificate=certificate, key=key)
    write_secret(folder / CONFIGURATION, text + ("" if listen else MONITOR) + tls + users)
    return folder / CONFIGURATION


def certify(certificate: Path, key: Path, host: str) -> None:
    """Make a key, and a certificate that it has signed itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_secret(key, pem.decode())
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
