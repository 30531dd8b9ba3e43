"""The version of the SDK, in one place."""

VERSION = "0.1.0"
