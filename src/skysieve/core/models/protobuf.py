"""Protocol-buffer messages, read without their schema: fields by number, undecoded."""

from __future__ import annotations

import struct

__all__ = ["Message", "varint"]

Value = int | bytes | memoryview
_MOST_BITS = 64


def varint(buffer: bytes | memoryview, position: int) -> tuple[int, int]:
    """Decode one base-128 number; return it and the position behind it.

    Raises
    ------
    IndexError
        If the buffer ends within it.
    ValueError
        If it is longer than any number.
    """
    value = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift >= _MOST_BITS + 7:
            raise ValueError("a number of more than 64 bits")


class Message:
    """The fields of one message.

    Parameters
    ----------
    buffer
        Its bytes.

    Raises
    ------
    IndexError, struct.error
        If the buffer ends within a field.
    ValueError
        If a field has no known form, or is longer than the buffer.

    References
    ----------
    protobuf.dev, "Encoding".
    """

    def __init__(self, buffer: bytes | memoryview) -> None:
        self._fields: dict[int, list[Value]] = {}
        position = 0
        while position < len(buffer):
            tag, position = varint(buffer, position)
            number, wire = tag >> 3, tag & 7
            value: Value
            if wire == 0:
                value, position = varint(buffer, position)
            elif wire == 2:
                length, position = varint(buffer, position)
                if length > len(buffer) - position:
                    raise ValueError(f"field {number} is longer than its message")
                value = buffer[position : position + length]
                position += length
            elif wire in {1, 5}:
                size = 8 if wire == 1 else 4
                (value,) = struct.unpack_from("<Q" if wire == 1 else "<I", buffer, position)
                position += size
            else:
                raise ValueError(f"unexpected wire type {wire}")
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        """Tell whether a field is there."""
        return number in self._fields

    def integer(self, number: int, default: int = 0) -> int:
        """Return the first value of a field of numbers.

        Raises
        ------
        ValueError
            If it is no number.
        """
        value = self._fields.get(number, [default])[0]
        if not isinstance(value, int):
            raise ValueError(f"field {number} is no integer")  # noqa: TRY004 (of a file)
        return value

    def all_raw(self, number: int) -> list[bytes | memoryview]:
        """Return every value of a field of bytes or messages."""
        return [value for value in self._fields.get(number, []) if not isinstance(value, int)]

    def raw(self, number: int) -> bytes | memoryview:
        """Return the first value of a field of bytes or messages; empty without one."""
        values = self.all_raw(number)
        return values[0] if values else b""
