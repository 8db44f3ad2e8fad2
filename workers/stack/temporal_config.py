"""The configuration of the real Temporal server: databases, services, and who is let in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.permits import AUDIENCE

SHARDS = 16
"""Of the history; can never be changed for a database. Enough for one machine."""

DYNAMIC_CONFIG: dict[str, bool | int] = {
    "frontend.enableServerVersionCheck": False,
    # Nothing of ours is half as long; a longer signal is refused and does not fill the history.
    "limit.blobSize.error": 128 * 1024,
    "limit.blobSize.warn": 64 * 1024,
    "frontend.rps": 20000,
    "frontend.namespaceRPS": 20000,
    "frontend.namespaceCount": 10000,
    "frontend.namespaceRPS.visibility": 50,
    "frontend.persistenceMaxQPS": 20000,
    "frontend.enablePrincipalPropagation": True,
    "history.rps": 30000,
    "history.persistenceMaxQPS": 60000,
    # The row of a start is skipped where the workflow has ended meanwhile; lists lag a second.
    "history.visibilityProcessorMaxPollRPS": 1,
    "history.visibilityTaskBatchSize": 500,
    "matching.rps": 20000,
    "matching.persistenceMaxQPS": 20000,
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    "matching.enableFairness": True,
    "system.enableEagerWorkflowStart": True,
    "system.enableActivityEagerExecution": True,
    "limit.maxIDLength": 255,
    "worker.schedulerNamespaceStartWorkflowRPS": 200,
}

FRONTEND, INTERNAL = "frontend", "internal-frontend"
"""Where permits are asked for; where the server's own workers and the UI ask, without."""
KEYS_ANEW = "1m"
"""How soon the next public key is known: it is published long before it signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """What the file is made from."""

    ports: Mapping[str, int]
    inner: Mapping[str, int]
    """Ports that only the server itself uses."""
    password: str
    """Of the database user `temporal`."""
    issuer: str
    """Of the authorization server, which publishes the permits' keys."""

    def document(self, dynamic: Path) -> dict[str, object]:
        """The server's own configuration file."""
        inner = self.inner
        frontend = {"grpcPort": self.ports["temporal"]}
        frontend["membershipPort"] = inner["frontend_membership"]
        frontend["httpPort"] = inner["frontend_http"]
        internal = {"grpcPort": inner["internal"], "membershipPort": inner["internal_membership"]}
        rpc = {FRONTEND: frontend, INTERNAL: internal}
        for name in ("history", "matching", "worker"):
            rpc[name] = {"grpcPort": inner[name], "membershipPort": inner[f"{name}_membership"]}
        address = f"127.0.0.1:{self.ports['temporal']}"
        return {
            "log": {"stdout": True, "level": "warn"},
            "persistence": {
                "numHistoryShards": SHARDS,
                "defaultStore": "default",
                "visibilityStore": "visibility",
                "datastores": {
                    "default": {"sql": self._store("temporal", 20)},
                    "visibility": {"sql": self._store("temporal_visibility", 10)},
                },
            },
            "global": {
                "membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"},
                "authorization": {
                    "authorizer": "default",
                    "claimMapper": "default",
                    "permissionsClaimName": "permissions",
                    "audience": AUDIENCE,
                    "jwtKeyProvider": {
                        "keySourceURIs": [f"{self.issuer}/platform/temporal/jwks.json"],
                        "refreshInterval": KEYS_ANEW,
                    },
                },
            },
            "services": {
                name: {"rpc": {**ports, "bindOnIP": "127.0.0.1"}} for name, ports in rpc.items()
            },
            "clusterMetadata": {
                "enableGlobalNamespace": False,
                "failoverVersionIncrement": 10,
                "masterClusterName": "active",
                "currentClusterName": "active",
                "clusterInformation": {
                    "active": {
                        "enabled": True,
                        "initialFailoverVersion": 1,
                        "rpcName": "frontend",
                        "rpcAddress": address,
                    }
                },
            },
            "dcRedirectionPolicy": {"policy": "noop"},
            "dynamicConfigClient": {"filepath": str(dynamic), "pollInterval": "60s"},
        }

    def _store(self, database: str, connections: int) -> dict[str, object]:
        return {
            "pluginName": "postgres12_pgx",
            "databaseName": database,
            "connectAddr": f"127.0.0.1:{self.ports['postgres']}",
            "connectProtocol": "tcp",
            "user": "temporal",
            "password": self.password,
            "maxConns": connections,
            "maxIdleConns": connections,
            "maxConnLifetime": "1h",
        }
