"""Encryption at rest: AES-256-GCM around whole files, one key for a site's photos, templates and photos of cases.

A sealed file is `HADIR-1` and the key's name (8 bytes), a random nonce (12 bytes), the ciphertext and its tag (NIST
SP 800-38D). The file's own name is authenticated with it, so that one photo cannot be put in another's place. Random
nonces allow 2^32 files under one key before a repetition becomes likelier than 2^-32.

What this keeps safe is a stolen disk or bucket. Whoever can read the key file reads everything, and snapshots are not
encrypted: they hold vectors and ids, and are mapped into memory as they are.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hadir.core.errors import ConfigError, GalleryError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["KEY_BYTES", "OVERHEAD_BYTES", "Envelope", "is_sealed", "key_name", "read_key"]

KEY_BYTES = 32
MAGIC = b"HADIR-1\0"
NAME_BYTES = 8
NONCE_BYTES = 12
TAG_BYTES = 16
OVERHEAD_BYTES = len(MAGIC) + NAME_BYTES + NONCE_BYTES + TAG_BYTES


@dataclass(frozen=True, slots=True)
class Envelope:
    """Seals and opens files with one key; a plain value, safe to send to another process of the same owner."""

    key: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """16 hex digits that name the key and tell nothing about it."""
        return _name(self.key).hex()

    def seal(self, file: str, content: bytes) -> bytes:
        """The sealed bytes of the file called `file` (its last component)."""
        nonce = os.urandom(NONCE_BYTES)
        return MAGIC + _name(self.key) + nonce + _cipher(self.key).encrypt(nonce, content, file.encode())

    def open(self, file: str, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            ConfigError: it is not encrypted, or with another key; both keys are named.
            GalleryError: it was altered, or put in the place of another file.
        """
        if not is_sealed(sealed):
            raise ConfigError(
                f"{file} is not encrypted, but [stores] key_file names key {self.name}: encrypt what was kept before "
                "(hadir gallery encrypt), or take the key out of the settings"
            )
        if key_name(sealed) != self.name:
            raise ConfigError(
                f"{file} is encrypted with key {key_name(sealed)}, [stores] key_file holds key {self.name}: name the "
                "right one"
            )
        from cryptography.exceptions import InvalidTag

        start = len(MAGIC) + NAME_BYTES
        nonce, rest = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        try:
            return _cipher(self.key).decrypt(nonce, rest, file.encode())
        except InvalidTag as err:
            raise GalleryError(f"{file} was altered since it was encrypted: restore it from a backup") from err


def is_sealed(content: bytes) -> bool:
    """Whether this is an encrypted file, whatever its key."""
    return content[: len(MAGIC)] == MAGIC and len(content) >= OVERHEAD_BYTES


def key_name(sealed: bytes) -> str:
    """The name of the key that a sealed file needs."""
    return sealed[len(MAGIC) : len(MAGIC) + NAME_BYTES].hex()


def read_key(path: Path) -> Envelope:
    """The key in a file of 32 random bytes (`head -c 32 /dev/urandom > FILE; chmod 600 FILE`).

    Raises:
        ConfigError: it is missing, of another length, or others may read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(KEY_BYTES + 1)
    except OSError as err:
        raise ConfigError(f"key file {path} cannot be read ({err.strerror}): name it in [stores] key_file") from err
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"key file {path} has mode {stat.S_IMODE(mode):o}, others can read it: chmod 600 {path}")
    if len(key) != KEY_BYTES:
        size = f"more than {KEY_BYTES}" if len(key) > KEY_BYTES else str(len(key))
        raise ConfigError(f"key file {path} has {size} bytes, expected {KEY_BYTES} random ones")
    return Envelope(key)


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"hadir key name\0" + key).digest()[:NAME_BYTES]


def _cipher(key: bytes) -> AESGCM:
    # Imported here: 30 ms that nobody pays who has no key.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
