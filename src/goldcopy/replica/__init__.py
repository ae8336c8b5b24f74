"""Replicas: other places that hold the vault's write-once files, and what keeps them honest.

``contract`` says what a replica is; ``folder``, ``sftp``, ``bucket`` and ``locked`` are the kinds,
``opening`` makes one from the inventory. ``sync`` brings them up to date, ``check`` compares them
with the vault, ``repair`` puts good copies back, ``attest`` attacks them.
"""
