"""Why a Kafka does not let us in: its client says "time-out" for a wrong password and for a wrong certificate alike."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hadir.core.errors import HadirError, SetupError, StreamUnavailable

__all__ = ["not_allowed", "why_unreachable"]

CONNECT_S = 2.0

GRANT = "grant it to this user (docs/delivery.md lists what each command needs)"


def not_allowed(bootstrap: str, needs: str) -> SetupError:
    """`needs` is an operation with its resource, as in "READ on topic t"."""
    return SetupError(f"Kafka at {bootstrap} does not allow {needs}: {GRANT}")


def why_unreachable(bootstrap: str, security: Mapping[str, Any], error: str) -> HadirError:
    """Knock at the first address and say what is wrong, in one sentence without passwords. Blocks a few seconds.

    Args:
        bootstrap: host:port, several separated by commas.
        security: The client's own options.
        error: What the client calls it.
    """
    address = bootstrap.split(",", maxsplit=1)[0]
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, ValueError) as err:
        return StreamUnavailable(
            f"Kafka at {bootstrap} does not answer ({error}; {address}: {_short(err)}): is it up (make kafka-up starts "
            "one), and is the address right?"
        )
    protocol = str(security.get("security_protocol", "PLAINTEXT")).upper()
    if "SSL" in protocol:
        try:
            wrong = _wrong_with_tls(host, int(port), security)
        except TimeoutError:
            return StreamUnavailable(f"Kafka at {address} takes connections and says nothing: is it starting?")
        if wrong is not None:
            return SetupError(f"Kafka at {address} is up, but {wrong}")
    elif _speaks_tls(host, int(port)):
        return SetupError(
            f"Kafka at {address} asks for TLS, [kafka] security says {protocol}: set security_protocol to SSL or "
            "SASL_SSL, and ssl_cafile"
        )
    if protocol.startswith("SASL"):
        user = security.get("sasl_plain_username", "")
        return SetupError(
            f"Kafka at {address} does not let user '{user}' in: wrong password, no such user, or the broker wants a "
            f"mechanism other than {security.get('sasl_mechanism')}; see [kafka] security"
        )
    return StreamUnavailable(
        f"Kafka at {bootstrap} takes connections and does not answer ({error}): is it starting, does it ask for a "
        "password (security_protocol SASL_SSL), and is it a Kafka?"
    )


def _wrong_with_tls(host: str, port: int, security: Mapping[str, Any]) -> str | None:
    """What is wrong with the handshake as the settings ask for it; None: nothing. Raises TimeoutError."""
    try:
        context = ssl.create_default_context(cafile=security.get("ssl_cafile"))
        if security.get("ssl_certfile"):
            context.load_cert_chain(str(security["ssl_certfile"]), security.get("ssl_keyfile"))
    except OSError as err:
        return f"a file of [kafka] security (ssl_cafile, ssl_certfile, ssl_keyfile) cannot be used: {_short(err)}"
    context.check_hostname = bool(security.get("ssl_check_hostname", True))
    try:
        _shake_hands(host, port, context)
    except TimeoutError:
        raise
    except ssl.SSLCertVerificationError as err:
        return f"its certificate is not proven by ssl_cafile ({err.verify_message}): name the authority that signed it"
    except OSError as err:
        return f"TLS with it fails ({_short(err)}): does it speak TLS on this port?"
    return None


def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only to learn whether there is TLS at all: nothing is sent
    with suppress(OSError):
        _shake_hands(host, port, context)
        return True
    return False


def _shake_hands(host: str, port: int, context: ssl.SSLContext) -> None:
    with (
        socket.create_connection((host, port), CONNECT_S) as plain,
        context.wrap_socket(plain, server_hostname=host),
    ):
        pass


def _short(err: Exception) -> str:
    return str(getattr(err, "strerror", None) or getattr(err, "reason", None) or err).splitlines()[0][:120]
