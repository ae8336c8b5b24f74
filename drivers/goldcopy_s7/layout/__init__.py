"""DB layouts: the bytes of a data block become named, typed leaves, and go back.

``load`` reads what an engineering tool exports (AWL and SCL sources, CSV); ``Layouts.layout`` gives
the leaves of one DB, with the offsets that S7 gives a standard data block.

A leaf's path has the members' names: ``recipe[3]/speed`` is a member of the third element of an
array of structures. An array of an elementary type is one leaf, ``ARRAY[10] OF INT``, of several
dimensions ``ARRAY[2,3] OF INT``, its values flat and row by row.

Exact both ways: a value that has been read goes back as the bytes that it came from. What is no
value of its type is kept as BYTES (see ``leaf``). Padding is not kept: it belongs to no member.
"""

from goldcopy_s7.layout.layouts import Layout, Layouts, load
from goldcopy_s7.layout.leaf import Leaf

__all__ = ["Layout", "Layouts", "Leaf", "load"]
