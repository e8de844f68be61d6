"""Read protocol-buffer messages without their schema: fields by number, undecoded."""

from __future__ import annotations

import struct

__all__ = ["Message", "varint"]

Value = int | bytes | memoryview
_MAX_BITS = 64


def varint(buffer: bytes | memoryview, position: int) -> tuple[int, int]:
    """Decode one base-128 number.

    Parameters
    ----------
    buffer
        The bytes.
    position
        Offset of the number.

    Returns
    -------
    value : int
        The number.
    position : int
        Offset behind the number.

    Raises
    ------
    IndexError
        If the buffer ends within the number.
    ValueError
        If the number has more than 64 bits.
    """
    value = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift >= _MAX_BITS + 7:
            raise ValueError("a number of more than 64 bits")


class Message:
    """The fields of one message.

    Parameters
    ----------
    buffer
        Bytes of the message.

    Raises
    ------
    IndexError, struct.error
        If the buffer ends within a field.
    ValueError
        If a field has an unknown wire type, or is longer than the buffer.

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
        """Check whether a field is present."""
        return number in self._fields

    def integer(self, number: int, default: int = 0) -> int:
        """Return the first value of a numeric field.

        Parameters
        ----------
        number
            Number of the field.
        default
            Value of a missing field.

        Returns
        -------
        int
            The value.

        Raises
        ------
        ValueError
            If the field is not numeric.
        """
        value = self._fields.get(number, [default])[0]
        if not isinstance(value, int):
            raise ValueError(f"field {number} is no integer")  # noqa: TRY004 (of a file)
        return value

    def all_raw(self, number: int) -> list[bytes | memoryview]:
        """Return all values of a field of bytes or messages.

        Parameters
        ----------
        number
            Number of the field.

        Returns
        -------
        list of bytes or memoryview
            The values, undecoded.
        """
        return [value for value in self._fields.get(number, []) if not isinstance(value, int)]

    def raw(self, number: int) -> bytes | memoryview:
        """Return the first value of a field of bytes or messages.

        Parameters
        ----------
        number
            Number of the field.

        Returns
        -------
        bytes or memoryview
            The value, undecoded; empty if the field is missing.
        """
        values = self.all_raw(number)
        return values[0] if values else b""
