"""One controller as its connections see it: state, manner, misbehaviour, and the log it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..mishap import Mishap
from ..service import Connections, Service
from .model import Model
from .settings import Login, Role, Settings

STRICT = 250
"""Nodes per request under the fault ``too-many-operations``."""


@dataclass(eq=False)
class Controller:
    """Shared by every connection to one simulated controller."""

    model: Model
    settings: Settings
    fault: str | None = None
    mishap: Mishap | None = None
    log: list[Service] = field(default_factory=list)
    connections: Connections = field(default_factory=Connections)

    def limit(self, name: str) -> int:
        """How many nodes one request may name; 0 is any number."""
        if self.fault == "too-many-operations":
            return STRICT
        return int(getattr(self.settings, name))

    def published(self, name: str) -> int:
        """What OperationLimits says about it."""
        if self.fault == "too-many-operations" or not self.settings.report_limits:
            return 0
        return self.limit(name)

    @property
    def page(self) -> int:
        """References per node and answer; a fault in the paging needs pages to show."""
        if self.fault == "no-continuation":
            return self.settings.max_references_per_node or 10
        return self.settings.max_references_per_node

    def role(self, user: str | None) -> Role:
        """What a user who has logged in may do."""
        if user is not None:
            return self.settings.users[user].role
        assert self.settings.anonymous
        return self.settings.anonymous

    def login(self, user: str) -> Login | None:
        """What the controller knows of a user."""
        return self.settings.users.get(user)
