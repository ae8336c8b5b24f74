"""A simulated OPC UA controller, built on asyncua's server."""

from .settings import Login, Settings
from .simulator import OpcUaSimulator

__all__ = ["Login", "OpcUaSimulator", "Settings"]
