"""A git repository as the store of the fleet, by pygit2, which lives in .peers and not in .venv.

``night REPO TREE`` commits a folder and prints the seconds, once all of it is in memory.
``restores REPO KEPT`` reads what lies in KEPT/NIGHT/DEVICE, compares, prints the seconds of each.
``history REPO DEVICE`` finds the commits in which a device changed; prints seconds and how many.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pygit2  # type: ignore[import-not-found]

FILE, FOLDER = pygit2.enums.FileMode.BLOB, pygit2.enums.FileMode.TREE
WHO = pygit2.Signature("collector", "collector@plant")
BRANCH = "refs/heads/main"


def night(repo: str, tree: str) -> float:
    devices = {
        device.name: {file.name: file.read_bytes() for file in sorted(device.iterdir())}
        for device in sorted(Path(tree).iterdir())
    }
    begin = time.perf_counter()
    store = pygit2.Repository(repo)
    root = store.TreeBuilder()
    for device, files in devices.items():
        folder = store.TreeBuilder()
        for file, content in files.items():
            folder.insert(file, store.create_blob(content), FILE)
        root.insert(device, folder.write(), FOLDER)
    before = [] if store.head_is_unborn else [store.head.target]
    store.create_commit(BRANCH, WHO, WHO, "night", root.write(), before)
    return time.perf_counter() - begin


def restores(repo: str, kept: str) -> list[tuple[int, str, list[float]]]:
    store = pygit2.Repository(repo)
    nights = [commit.id for commit in _commits(store)][::-1]
    found = []
    for folder in sorted(Path(kept).glob("*/*")):
        number, seconds = int(folder.parent.name), []
        for _ in range(3):
            begin = time.perf_counter()
            files = {entry.name: entry.data for entry in store[nights[number]].tree[folder.name]}
            seconds.append(time.perf_counter() - begin)
            assert files == {file.name: file.read_bytes() for file in folder.iterdir()}, folder
        found.append((number, folder.name, seconds))
    return found


def history(repo: str, device: str) -> tuple[float, int]:
    begin = time.perf_counter()
    trees = [commit.tree[device].id for commit in _commits(pygit2.Repository(repo))]
    found = 1 + sum(new != old for new, old in pairwise(trees))
    return time.perf_counter() - begin, found


def _commits(store: Any) -> Any:  # noqa: ANN401
    return store.walk(store.head.target)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
