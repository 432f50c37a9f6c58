"""The version of this program, as commits and events state it."""

VERSION = "0.1.0"
ENGINE = f"lakeferry/{VERSION}"
