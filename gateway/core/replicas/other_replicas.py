"""What a replica knows of the others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class OtherReplicas:
    """`present`: another replica lives, or died a moment ago; assumed until a look says otherwise. `heard`: its news are heard at once."""

    present: bool = True
    reachable: bool = False
