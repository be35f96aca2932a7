"""What a replica knows about the others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class OtherReplicas:
    """`present`: another replica is alive, or died a moment ago; assumed until a query shows otherwise.

    `reachable`: their notifications arrive.
    """

    present: bool = True
    reachable: bool = False
