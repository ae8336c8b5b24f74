"""goldcopy's driver for Siemens S7 controllers over ISO-on-TCP."""

from goldcopy_s7.driver import S7Driver

__all__ = ["S7Driver"]
