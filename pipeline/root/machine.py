"""Instructions of the machine that numba has no name for: memory at an address, fetched ahead, many bytes at once."""

from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

WIDE = 64  # bytes looked at together; a compiler makes of them what the machine has
# A lead and its second bytes that are wrong: too long a form, a surrogate, above 0x10FFFF (Unicode 16, table 3-7).
SECOND_BYTES = ((0xE0, "<", 0xA0), (0xED, ">=", 0xA0), (0xF0, "<", 0x90), (0xF4, ">=", 0x90))


@intrinsic
def _trailing_zeros(_typing: Any, number: Any) -> Any:
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(0))

    return numba.types.int64(numba.types.uint64), emit


trailing_zeros = cast(Callable[[Any], int], _trailing_zeros)  # 64 for 0


@intrinsic
def _prefetch(_typing, array, index):  # type: ignore[no-untyped-def]
    """Begin to fetch the cache line of an element, for later."""

    def emit(context, builder, signature, args):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), cgutils.voidptr_t)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        builder.call(fetch, [address, number(0), number(3), number(1)])  # to read; keep; data
        return context.get_dummy_value()

    return numba.types.void(array, index), emit


prefetch = cast(Callable[[Any, Any], None], _prefetch)


def _loaded(builder: Any, arguments: Any) -> Any:
    loaded = builder.load(builder.inttoptr(builder.add(*arguments), ir.IntType(64).as_pointer()))
    loaded.align = 1
    return loaded


@intrinsic
def _load(_typing: Any, address: Any, offset: Any) -> Any:
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _loaded(builder, arguments)

    return numba.types.uint64(numba.types.int64, numba.types.int64), emit


@intrinsic
def _peek(_typing: Any, address: Any, offset: Any) -> Any:
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _loaded(builder, arguments)

    return numba.types.int64(numba.types.int64, numba.types.int64), emit


@intrinsic
def _poke(_typing: Any, address: Any, offset: Any, number: Any) -> Any:
    def emit(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(builder.add(*arguments[:2]), ir.IntType(64).as_pointer())
        builder.store(arguments[2], place).align = 1
        return context.get_dummy_value()

    return numba.types.void(numba.types.int64, numba.types.int64, numba.types.int64), emit


# Eight bytes at any address, as a number without and with a sign; and to write them.
load = cast(Callable[[int, int], np.uint64], _load)
peek = cast(Callable[[int, int], int], _peek)
poke = cast(Callable[[int, int, int], None], _poke)


def _bytes_at(builder: Any, address: Any, back: int = 0) -> Any:
    """The WIDE bytes that begin so many before an address."""
    start = builder.sub(address, ir.IntType(64)(back))
    loaded = builder.load(builder.inttoptr(start, ir.VectorType(ir.IntType(8), WIDE).as_pointer()))
    loaded.align = 1
    return loaded


def _each(number: int) -> Any:
    """WIDE times a byte."""
    return ir.Constant(ir.VectorType(ir.IntType(8), WIDE), [number] * WIDE)


def _compared(sign: str) -> Any:
    """Bits of the WIDE bytes at an address, the first byte's the lowest: which stand so to a byte."""

    @intrinsic
    def compared(_typing: Any, address: Any, byte: Any) -> Any:
        def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            nothing = ir.Constant(ir.VectorType(ir.IntType(8), WIDE), ir.Undefined)
            byte = builder.trunc(arguments[1], ir.IntType(8))
            one = builder.insert_element(nothing, byte, ir.IntType(32)(0))
            each = builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(ir.IntType(32), WIDE), [0] * WIDE))
            found = builder.icmp_unsigned(sign, _bytes_at(builder, arguments[0]), each)
            return builder.bitcast(found, ir.IntType(WIDE))

        return numba.types.uint64(numba.types.int64, numba.types.int64), emit

    return compared


@intrinsic
def _not_utf8(_typing: Any, address: Any) -> Any:
    """A byte is wrong by itself, by the one before it, or where it goes on with a character though none is open."""

    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        here, one, two, three = (_bytes_at(builder, arguments[0], back) for back in range(4))

        def test(bytes_: Any, sign: str, number: int) -> Any:
            return builder.icmp_unsigned(sign, bytes_, _each(number))

        continues = test(builder.and_(here, _each(0xC0)), "==", 0x80)
        must = builder.or_(builder.or_(test(one, ">=", 0xC0), test(two, ">=", 0xE0)), test(three, ">=", 0xF0))
        wrong = builder.or_(builder.xor(continues, must), test(here, ">=", 0xF5))
        wrong = builder.or_(wrong, test(builder.and_(here, _each(0xFE)), "==", 0xC0))
        for lead, sign, number in SECOND_BYTES:
            wrong = builder.or_(wrong, builder.and_(test(one, "==", lead), test(here, sign, number)))
        return builder.bitcast(wrong, ir.IntType(WIDE))

    return numba.types.uint64(numba.types.int64), emit


equal = cast(Callable[[Any, Any], np.uint64], _compared("=="))
at_least = cast(Callable[[Any, Any], np.uint64], _compared(">="))
# Bits of the WIDE bytes at an address that are not UTF-8 after the three before them.
not_utf8 = cast(Callable[[Any], np.uint64], _not_utf8)
