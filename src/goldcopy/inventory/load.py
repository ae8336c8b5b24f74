"""inventory.yaml to devices: which keys there are, and what each may hold."""

from __future__ import annotations

from pathlib import Path

import msgspec

from goldcopy.driver import Courtesy
from goldcopy.errors import Wrong
from goldcopy.inventory import document
from goldcopy.inventory.document import Node, Table
from goldcopy.inventory.fields import Fields, each
from goldcopy.inventory.gold import APPROVERS, GoldPolicy, policy
from goldcopy.inventory.hosts import NAME, NAME_RIGHT, host
from goldcopy.inventory.mistakes import Gathered
from goldcopy.inventory.model import Device, Inventory, Zone
from goldcopy.inventory.night import NightPolicy, night_policy, usual_night, window
from goldcopy.inventory.options import Options
from goldcopy.inventory.pairs import Links
from goldcopy.inventory.recovery import Recovery, recovery
from goldcopy.inventory.replicas import ReplicaPlace, replicas
from goldcopy.inventory.restore import Places, RestorePolicy, restore_policy
from goldcopy.inventory.rules import Rule, Rules
from goldcopy.inventory.ruleset import rules
from goldcopy.inventory.scalars import duration, real, switch, text, whole
from goldcopy.inventory.secrets import SecretSource, secret_source
from goldcopy.registry import Registry, near


class Settings(msgspec.Struct, frozen=True):
    """What ``defaults`` may say for all devices, and each device for itself."""

    driver: str = ""
    port: int = 0
    """0: the driver's usual one."""
    zone: str = ""
    timeout: float = 5.0
    deadline: float = 600.0
    courtesy: Courtesy = Courtesy()
    username: str = ""
    password: SecretSource | None = None
    keep_process: bool = False
    rules: tuple[Rule, ...] = ()
    recovery: Recovery = Recovery()


def load(path: Path, registry: Registry) -> Inventory:
    """Read an inventory. Relative paths in it are relative to its own folder.

    Raises ``InventoryMistakes`` with all that is wrong in it, ``Wrong`` if it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Wrong(f"the inventory {path} cannot be read: {error.strerror}") from None
    mistakes = Gathered(str(path))
    root = document.parse(data, mistakes)
    if root is None:
        mistakes.refuse_any()
    inventory = _Reader(path.parent, registry, mistakes).inventory(root)
    mistakes.refuse_any()
    return inventory


class _Reader:
    def __init__(self, folder: Path, registry: Registry, mistakes: Gathered) -> None:
        self._folder = folder
        self._registry = registry
        self._mistakes = mistakes
        self._zones: dict[str, Zone] | None = {}
        """None: they cannot be read, so nothing can be said about a device's zone."""
        self._driver_for_all = False
        self._names: dict[str, tuple[str, int]] = {}
        self._links = Links(mistakes)
        self._gold: GoldPolicy | None = None

    def inventory(self, root: Node | None) -> Inventory:
        fields = Fields(root, self._mistakes, "an inventory")
        vault = fields.require("vault", self._path, Path(), "vault: ./vault")
        source = fields.take("source", self._path, None)
        identity = fields.take("identity", self._path, self._folder / "keys/reader.key")
        if fields.has("zones"):
            self._zones = None
        self._zones = fields.take("zones", self._zone_table, self._zones)
        self._gold = fields.take("gold", self._policy, None)
        defaults = fields.take("defaults", self._defaults, Settings())
        nothing: tuple[Node, ...] = ()
        nodes = fields.require("devices", each, nothing, "devices: [...]")
        if fields.has("devices") and not nodes:
            fields.wrong("devices", "there is none; list at least one controller")
        devices = tuple(self._device(node, defaults) for node in nodes)
        self._links.check([device.name for device in devices])
        nowhere: tuple[ReplicaPlace, ...] = ()
        places = fields.take("replicas", self._replicas, nowhere)
        nobody: tuple[SecretSource, ...] = ()
        notify = fields.take("notify", self._sources, nobody)
        named = Places([device.name for device in devices], self._zones)
        restore = fields.take(
            "restore", lambda node: restore_policy(node, self._mistakes, named), RestorePolicy()
        )
        night = fields.take("night", self._night, usual_night(self._folder))
        fields.close()
        return Inventory(
            vault=vault,
            zones=self._zones or {},
            devices=devices,
            replicas=places,
            gold=self._gold,
            notify=notify,
            identity=identity,
            restore=restore,
            night=night,
            source=source,
        )

    def _path(self, node: Node) -> Path:
        return self._folder / Path(text(node)).expanduser()

    def _sources(self, node: Node) -> tuple[SecretSource, ...]:
        return tuple(secret_source(one, self._folder) for one in each(node))

    def _policy(self, node: Node) -> GoldPolicy:
        return policy(node, self._mistakes, self._path)

    def _night(self, node: Node) -> NightPolicy:
        return night_policy(node, self._folder, self._mistakes)

    def _replicas(self, node: Node) -> tuple[ReplicaPlace, ...]:
        return replicas(node, self._folder, self._mistakes)

    # -- zones and defaults --------------------------------------------------------------------

    def _zone_table(self, node: Node) -> dict[str, Zone]:
        if not isinstance(node, Table):
            raise Wrong("needs zone names as keys, like `packaging: {max_devices: 8}`")
        return {key: self._zone(node, key) for key in node.parts}

    def _zone(self, zones: Table, key: str) -> Zone:
        if not NAME.fullmatch(key):
            self._mistakes.add(zones.keys[key].place, f"zone {key!r}: {NAME_RIGHT}")
        fields = Fields(zones.parts[key], self._mistakes, "a zone")
        zone = Zone(
            fields.take("max_devices", whole(1, 10_000), Zone().max_devices),
            fields.take("window", window, None),
        )
        fields.close()
        return zone

    def _defaults(self, node: Node) -> Settings:
        fields = Fields(node, self._mistakes, "defaults")
        settings = self._settings(fields, Settings())
        self._driver_for_all = fields.has("driver")
        fields.close()
        return settings

    # -- devices -------------------------------------------------------------------------------

    def _device(self, node: Node, defaults: Settings) -> Device:
        fields = Fields(node, self._mistakes, "a device")
        name = fields.require("name", self._unique_name, "", "name: line1-mixer")
        said = self._settings(fields, defaults)
        if not self._driver_for_all:
            fields.miss("driver", "driver: modbus")
        approvers = self._gold.approvers if self._gold else 1
        standby_of, same_as = self._links.take(fields, name)
        device = Device(
            name=name,
            driver=said.driver,
            host=fields.require("host", host, "", "host: 192.0.2.10"),
            port=said.port or (self._registry.driver(said.driver).port if said.driver else 0),
            zone=said.zone,
            timeout=said.timeout,
            deadline=said.deadline,
            courtesy=said.courtesy,
            username=said.username,
            password=said.password,
            writable=fields.take("writable", switch, False),
            safety=fields.take("safety", switch, False),
            keep_process=said.keep_process,
            options=self._options(fields, said.driver),
            rules=Rules(said.rules),
            description=fields.take("description", text, ""),
            approvers=fields.take("approvers", APPROVERS, approvers),
            standby_of=standby_of,
            same_as=same_as,
            recovery=said.recovery,
        )
        if device.safety and device.writable:
            fields.wrong("safety", "a safety controller is never written; leave writable out")
        fields.close()
        return device

    def _settings(self, fields: Fields, base: Settings) -> Settings:
        no_rules: tuple[Rule, ...] = ()
        settings = Settings(
            driver=fields.take("driver", self._driver, base.driver),
            port=fields.take("port", whole(1, 65535), base.port),
            zone=fields.take("zone", self._known_zone, base.zone),
            timeout=fields.take("timeout", duration("1ms", "1h"), base.timeout),
            deadline=fields.take("deadline", duration("1ms", "24h"), base.deadline),
            courtesy=fields.take(
                "courtesy", lambda node: self._courtesy(node, base.courtesy), base.courtesy
            ),
            username=fields.take("username", text, base.username),
            password=fields.take(
                "password", lambda node: secret_source(node, self._folder), base.password
            ),
            keep_process=fields.take("keep_process", switch, base.keep_process),
            rules=base.rules + fields.take("rules", self._rules, no_rules),
            recovery=fields.take(
                "recovery",
                lambda node: recovery(node, self._mistakes, base.recovery),
                base.recovery,
            ),
        )
        if settings.deadline < settings.timeout:
            key = "deadline" if fields.has("deadline") else "timeout"
            fields.wrong(
                key,
                f"the deadline of the whole pull ({settings.deadline:g}s) is shorter than the "
                f"timeout of one exchange ({settings.timeout:g}s); make it at least as long",
            )
        return settings

    def _unique_name(self, node: Node) -> str:
        name = text(node)
        if not NAME.fullmatch(name):
            raise Wrong(f"{name!r} {NAME_RIGHT}")
        if name.lower() in self._names:
            other, line = self._names[name.lower()]
            differs = "" if other == name else f" (as {other}: case alone does not tell them apart)"
            raise Wrong(f"{name} is already the name of the device in line {line}{differs}")
        self._names[name.lower()] = (name, node.place.line)
        return name

    def _driver(self, node: Node) -> str:
        name = text(node)
        self._registry.driver(name)
        return name

    def _known_zone(self, node: Node) -> str:
        zone = text(node)
        if self._zones is not None and zone not in self._zones:
            right = (
                near(zone, self._zones) or f"declare it: `zones: {{{zone}: {{max_devices: 8}}}}`"
            )
            raise Wrong(f"there is no zone {zone}; {right}")
        return zone

    def _courtesy(self, node: Node, base: Courtesy) -> Courtesy:
        fields = Fields(node, self._mistakes, "courtesy")
        courtesy = Courtesy(
            connections=fields.take("connections", whole(1, 64), base.connections),
            window=fields.take("window", whole(1, 1000), base.window),
            pause=fields.take("pause", duration("0s", "1m"), base.pause),
            rate=fields.take("rate", real(0, 1_000_000), base.rate),
        )
        fields.close()
        return courtesy

    def _options(self, fields: Fields, driver: str) -> msgspec.Struct | None:
        place = fields.at("options")
        node = fields.take("options", _table, Table({}, {}, place, 1))
        if not driver:  # nobody is there to judge them; the driver's absence is a mistake already
            return None
        kind = self._registry.driver(driver).Options
        return Options(kind, self._folder, self._mistakes).read(node)

    def _rules(self, node: Node) -> tuple[Rule, ...]:
        return rules(node, self._mistakes)


def _table(node: Node) -> Table:
    if not isinstance(node, Table):
        raise Wrong("needs keys with values, like `rack: 0`")
    return node
