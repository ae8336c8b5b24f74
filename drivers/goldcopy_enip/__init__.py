"""goldcopy's driver for EtherNet/IP: Logix controllers, and CIP devices."""

from goldcopy_enip.driver import EnipDriver

__all__ = ["EnipDriver"]
