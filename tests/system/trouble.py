"""A wall clock that jumps and a disk that fails, for one program: see trouble.cc."""

import mmap
import struct
from pathlib import Path

import harness

_FIELDS = ("clock_offset_ns", "failing_writes", "short_writes", "failing_syncs", "injected")


def library():
    return Path(harness.binary).resolve().parent / "tests" / "libtrouble.so"


class Trouble:
    """What a program that is started with `environment` meets. Files fail whose paths begin with
    `prefix`; how many calls of a thousand is told by set()."""

    def __init__(self, directory, prefix):
        self._prefix = str(prefix)
        self._path = Path(directory) / "trouble"
        self._path.write_bytes(bytes(8 * len(_FIELDS)))
        with open(self._path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    @property
    def environment(self):
        # A library in front of a sanitizer's own is refused by it.
        if harness.sanitized:
            return {}
        if not library().exists():
            raise AssertionError("%s is missing: build the target `trouble`" % library())
        return {"LD_PRELOAD": str(library()), "TOLLGATE_TROUBLE": str(self._path),
                "TOLLGATE_TROUBLE_AT": self._prefix}

    def set(self, **values):
        for name, value in values.items():
            struct.pack_into("<q", self._memory, 8 * _FIELDS.index(name), value)

    def heal_disk(self):
        self.set(failing_writes=0, short_writes=0, failing_syncs=0)

    def injected(self):
        """How often the disk failed so far."""
        return struct.unpack_from("<q", self._memory, 8 * _FIELDS.index("injected"))[0]
