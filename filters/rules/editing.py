"""Edits of one text by the kernels of the rules: what they find is what the rules count."""

import numpy as np

from prep.filters.rules import kernel
from prep.filters.rules.c4 import count_c4
from prep.filters.rules.characters import table
from prep.filters.rules.counting import hashed
from prep.filters.rules.personal import EMAIL, IPV4, IPV6, PHONE, find_personal
from prep.filters.rules.units import Points, Text
from prep.filters.rules.words import Manner

# Nobody's: example.com by RFC 2606, 192.0.2.0/24 by RFC 5737, 2001:db8::/32 by RFC 3849; no number begins with 000.
PLACEHOLDERS = {EMAIL: "email@example.com", PHONE: "000-0000-0000", IPV4: "192.0.2.1", IPV6: "2001:db8::1"}


def without_personal_data(text: str) -> str:
    """A placeholder for each e-mail address, telephone number and public IP address; a second time changes nothing."""
    codes = _codes(text)
    starts, stops = np.empty((2, len(codes) // 3 + 1), np.int32)
    kinds = np.empty(len(starts), np.uint8)
    found = find_personal(Text(codes, table()[codes]), len(codes), starts, stops, kinds)
    if not found:
        return text
    pieces, at = [], 0
    for start, stop, kind in zip(starts[:found].tolist(), stops[:found].tolist(), kinds[:found].tolist(), strict=True):
        pieces += [text[at:start], PLACEHOLDERS[kind]]
        at = stop
    return "".join([*pieces, text[at:]])


def c4_lines(text: str) -> str:
    """The lines that C4 keeps, without citations; those that condemn the whole document stay, for the rules to see."""
    codes = _codes(text)
    room = kernel.room(len(codes))
    words, _, mask = hashed({})
    manner = Manner(True, False, False, words, mask)
    into = np.empty(4, np.uint32)
    size = count_c4(Text(codes, table()[codes]), len(codes), room.words, 0, manner, room.out, room.spare, into)
    kept = room.out.codes[:size].tobytes().decode("utf-32-le").strip()
    return text if kept == text else kept


def _codes(text: str) -> Points:
    # A copy that may be written to: numba compiles everything again for numbers of another type.
    return np.array(np.frombuffer(text.encode("utf-32-le"), np.uint32))
