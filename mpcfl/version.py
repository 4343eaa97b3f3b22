"""The version of this library: peers compare it in the handshake, so it stands alone, importable without the engine."""

VERSION = "0.1.0"
