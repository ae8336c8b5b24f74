"""Gold copies: known-good snapshots that named people have signed for.

``statement`` is what they sign, ``sshsig`` how (SSH keys and hardware tokens), ``signers`` who
may, ``judge`` what it all amounts to at a given time. All of it works offline, from public keys.
"""
