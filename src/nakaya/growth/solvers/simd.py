"""Sixteen numbers at once, and bare memory, for numba kernels.

numba leaves vectorising to LLVM's heuristics, which give up on gathers, scatters and overlapping rows, and it counts
references whenever an array is handed to a function. The two types here say outright what is meant:

- lanes hold sixteen numbers; `+ - * / ^` act on all of them. LLVM maps them to what the processor has: one AVX-512
  register, two of AVX, four of NEON. No operation is reordered or fused, so results are the same on all of them.
- a pointer is the address of an array's first element. `p[i]` takes the index as it is: no bounds are checked and
  negative indices do not count from the end. The array must outlive the pointer.

Only for use inside `numba.njit` functions.

| in a kernel                     | does                                                            |
|---------------------------------|-----------------------------------------------------------------|
| `pointers_to(arrays)`           | a named tuple of one-dimensional arrays, as addresses           |
| `advanced(p, n)`                | the address of element n                                        |
| `opaque(i)`                     | i, but the compiler cannot see where it comes from              |
| `load(p, i)`                    | the elements i to i + 15 (float32, int32 or uint32)             |
| `store(p, i, x)`                | writes them                                                     |
| `gather(p, where)`              | `p[where[lane]]` in every lane                                  |
| `scatter(p, where, x)`          | `p[where[lane]] = x[lane]`; of equal places the last lane wins  |
| `splat(value)`                  | the same float32, int32 or uint32 in all lanes                  |
| `lane_numbers()`                | 0 to 15, uint32                                                 |
| `to_floats(x)`                  | uint32 numbers as float32                                       |
| `least(x, y)`, `greatest(x, y)` | the smaller or greater, lane by lane                            |
| `square_root(x)`                | correctly rounded                                               |
| `rotation(n)(x)`                | uint32 words rotated left by n bits                             |
| `below(x, y)`                   | mask: x < y                                                     |
| `not_below(x, y)`               | mask: not x < y, so that a NaN gives true                       |
| `has_bits(x, y)`                | mask: x & y is not 0                                            |
| `both(m, n)`, `either(m, n)`    | masks combined                                                  |
| `choose(mask, x, y)`            | x where the mask is set, else y                                 |
| `packed(mask)`                  | the mask as an integer, lane 0 in bit 0                         |
| `lowest_bit(bits)`              | the number of the lowest bit that is set in an integer, not 0   |
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

__all__ = [
    "LANES",
    "advanced",
    "below",
    "both",
    "choose",
    "either",
    "gather",
    "greatest",
    "has_bits",
    "lane_numbers",
    "least",
    "load",
    "lowest_bit",
    "not_below",
    "opaque",
    "packed",
    "pointers_to",
    "rotation",
    "scatter",
    "splat",
    "square_root",
    "store",
    "to_floats",
]

LANES = 16
ALIGNMENT = 4
INDEX = ir.IntType(32)

# numba and llvmlite carry no types: `Any` below stands for their typing contexts, builders and values.


class LanesType(types.Type):  # type: ignore[misc]
    """numba type of sixteen numbers (float32, int32 or uint32), or of a mask (boolean)."""

    def __init__(self, element: Any) -> None:
        self.element = element
        super().__init__(name=f"Lanes({element})")


class PointerType(types.Type):  # type: ignore[misc]
    """numba type of the address of numbers of one type."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Pointer({dtype})")


def llvm_element(element: Any) -> Any:
    """LLVM type of one lane."""
    if element == types.float32:
        return ir.FloatType()
    return ir.IntType(1) if element == types.boolean else ir.IntType(32)


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    """How LLVM holds lanes: one vector value."""

    def __init__(self, dmm: Any, fe_type: LanesType) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(llvm_element(fe_type.element), LANES))


@register_model(PointerType)
class PointerModel(models.PrimitiveModel):  # type: ignore[misc]
    """How LLVM holds a pointer: an address."""

    def __init__(self, dmm: Any, fe_type: PointerType) -> None:
        super().__init__(dmm, fe_type, dmm.lookup(fe_type.dtype).get_data_type().as_pointer())


FLOATS, WORDS, MASK = LanesType(types.float32), LanesType(types.uint32), LanesType(types.boolean)


def _intrinsic(type_of: Callable[..., Any], emit: Callable[..., Any]) -> Any:
    """Make an intrinsic from its result type, given argument types, and from the code it emits.

    Args:
        type_of: Maps the numba types of the arguments to the whole signature.
        emit: Called with (context, builder, signature, *values); returns the LLVM value.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return emit(context, builder, signature, *arguments)

    makers: dict[int, Callable[..., Any]] = {
        0: lambda typing_context: (type_of(), generate),
        1: lambda typing_context, x: (type_of(x), generate),
        2: lambda typing_context, x, y: (type_of(x, y), generate),
        3: lambda typing_context, x, y, z: (type_of(x, y, z), generate),
    }
    return intrinsic(makers[type_of.__code__.co_argcount])


# ---- memory


def _element_address(builder: Any, pointer: Any, index: Any, wanted: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [index]), wanted.as_pointer())


def _emit_load(context: Any, builder: Any, signature: Any, pointer: Any, index: Any) -> Any:
    vector = context.get_value_type(signature.return_type)
    return builder.load(_element_address(builder, pointer, index, vector), align=ALIGNMENT)


def _emit_store(context: Any, builder: Any, signature: Any, pointer: Any, index: Any, value: Any) -> Any:
    builder.store(value, _element_address(builder, pointer, index, value.type), align=ALIGNMENT)
    return context.get_dummy_value()


def _emit_read(context: Any, builder: Any, signature: Any, pointer: Any, index: Any) -> Any:
    value = builder.load(builder.gep(pointer, [index]))
    return context.data_model_manager[signature.return_type].from_data(builder, value)


def _emit_write(context: Any, builder: Any, signature: Any, pointer: Any, index: Any, value: Any) -> Any:
    number = context.data_model_manager[signature.args[2]].as_data(builder, value)
    builder.store(number, builder.gep(pointer, [index]))
    return context.get_dummy_value()


def _emit_pointers(context: Any, builder: Any, signature: Any, arrays: Any) -> Any:
    kinds = signature.args[0].types
    values = [builder.extract_value(arrays, number) for number in range(len(kinds))]
    found = [context.make_array(kind)(context, builder, value).data for kind, value in zip(kinds, values, strict=True)]
    return context.make_tuple(builder, signature.return_type, found)


pointers_to = _intrinsic(
    lambda arrays: types.NamedTuple([PointerType(kind.dtype) for kind in arrays.types], arrays.instance_class)(arrays),
    _emit_pointers,
)
advanced = _intrinsic(
    lambda pointer, count: pointer(pointer, types.intp),
    lambda context, builder, signature, pointer, count: builder.gep(pointer, [count]),
)
load = _intrinsic(lambda pointer, index: LanesType(pointer.dtype)(pointer, types.intp), _emit_load)
store = _intrinsic(lambda pointer, index, value: types.void(pointer, types.intp, value), _emit_store)
_read = _intrinsic(lambda pointer, index: pointer.dtype(pointer, types.intp), _emit_read)
_write = _intrinsic(lambda pointer, index, value: types.void(pointer, types.intp, pointer.dtype), _emit_write)


def _emit_opaque(context: Any, builder: Any, signature: Any, index: Any) -> Any:
    nothing = ir.InlineAsm(ir.FunctionType(index.type, [index.type]), "", "=r,0", side_effect=False)
    return builder.call(nothing, [index])


opaque = _intrinsic(lambda index: types.intp(types.intp), _emit_opaque)


@overload(operator.getitem)  # type: ignore[untyped-decorator]
def _get(pointer: Any, index: Any) -> Any:
    if not isinstance(pointer, PointerType):
        return None

    def get(pointer: Any, index: Any) -> Any:
        return _read(pointer, index)

    return get


@overload(operator.setitem)  # type: ignore[untyped-decorator]
def _set(pointer: Any, index: Any, value: Any) -> Any:
    if not isinstance(pointer, PointerType):
        return None

    def put(pointer: Any, index: Any, value: Any) -> Any:
        _write(pointer, index, value)

    return put


def _addresses(builder: Any, element: Any, pointer: Any, where: Any) -> Any:
    # llvmlite prints the address of every lane as LLVM wants it, but infers the wrong type for the result.
    address = ir.instructions.GEPInstr(builder.block, pointer, [where], False, "", source_etype=element)
    address.type = ir.VectorType(ir.PointerType(), LANES)
    builder._insert(address)
    return address


def _masked(builder: Any, what: str, element: Any, result: Any, arguments: list[Any]) -> Any:
    kind = "f32" if isinstance(element, ir.FloatType) else "i32"
    kinds = [argument.type for argument in arguments]
    name = f"llvm.masked.{what}.v{LANES}{kind}.v{LANES}p0"
    return builder.call(builder.module.declare_intrinsic(name, (), ir.FunctionType(result, kinds)), arguments)


EVERY_LANE = ir.Constant(ir.VectorType(ir.IntType(1), LANES), [1] * LANES)


def _emit_gather(context: Any, builder: Any, signature: Any, pointer: Any, where: Any) -> Any:
    vector = context.get_value_type(signature.return_type)
    addresses = _addresses(builder, vector.element, pointer, where)
    arguments = [addresses, ir.Constant(INDEX, ALIGNMENT), EVERY_LANE, ir.Constant(vector, ir.Undefined)]
    return _masked(builder, "gather", vector.element, vector, arguments)


def _emit_scatter(context: Any, builder: Any, signature: Any, pointer: Any, where: Any, value: Any) -> Any:
    addresses = _addresses(builder, value.type.element, pointer, where)
    arguments = [value, addresses, ir.Constant(INDEX, ALIGNMENT), EVERY_LANE]
    _masked(builder, "scatter", value.type.element, ir.VoidType(), arguments)
    return context.get_dummy_value()


gather = _intrinsic(lambda pointer, where: LanesType(pointer.dtype)(pointer, where), _emit_gather)
scatter = _intrinsic(lambda pointer, where, value: types.void(pointer, where, value), _emit_scatter)


# ---- arithmetic


def _emit_splat(context: Any, builder: Any, signature: Any, value: Any) -> Any:
    vector = context.get_value_type(signature.return_type)
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(INDEX, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(INDEX, LANES), [0] * LANES))


splat = _intrinsic(lambda value: LanesType(value)(value), _emit_splat)
lane_numbers = _intrinsic(
    lambda: WORDS(), lambda context, builder, signature: ir.Constant(ir.VectorType(INDEX, LANES), list(range(LANES)))
)
to_floats = _intrinsic(
    lambda x: FLOATS(x),
    lambda context, builder, signature, x: builder.uitofp(x, context.get_value_type(FLOATS)),
)


def _of_two(emit: Callable[[Any, Any, Any], Any], result: Any = None) -> Any:
    """Make an intrinsic of two equal lanes types; the result has theirs unless another is given."""
    return _intrinsic(
        lambda x, y: (x if result is None else result)(x, y),
        lambda context, builder, signature, x, y: emit(builder, x, y),
    )


def _zeros(like: Any) -> Any:
    return ir.Constant(like.type, [0] * LANES)


_add_floats = _of_two(lambda builder, x, y: builder.fadd(x, y))
_subtract_floats = _of_two(lambda builder, x, y: builder.fsub(x, y))
_multiply_floats = _of_two(lambda builder, x, y: builder.fmul(x, y))
_divide_floats = _of_two(lambda builder, x, y: builder.fdiv(x, y))
_add_words = _of_two(lambda builder, x, y: builder.add(x, y))
_xor_words = _of_two(lambda builder, x, y: builder.xor(x, y))
_and_words = _of_two(lambda builder, x, y: builder.and_(x, y))
_shift_words = _intrinsic(lambda x, y: x(x, y), lambda context, builder, signature, x, y: builder.lshr(x, y))


def _emit_root(context: Any, builder: Any, signature: Any, x: Any) -> Any:
    function = builder.module.declare_intrinsic(f"llvm.sqrt.v{LANES}f32", (), ir.FunctionType(x.type, [x.type]))
    return builder.call(function, [x])


square_root = _intrinsic(lambda x: FLOATS(x), _emit_root)
least = _of_two(lambda builder, x, y: builder.select(builder.fcmp_ordered("<", x, y), x, y))
greatest = _of_two(lambda builder, x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y))
below = _of_two(lambda builder, x, y: builder.fcmp_ordered("<", x, y), MASK)
not_below = _of_two(lambda builder, x, y: builder.fcmp_unordered(">=", x, y), MASK)
has_bits = _of_two(lambda builder, x, y: builder.icmp_unsigned("!=", builder.and_(x, y), _zeros(x)), MASK)
both = _of_two(lambda builder, x, y: builder.and_(x, y))
either = _of_two(lambda builder, x, y: builder.or_(x, y))
choose = _intrinsic(
    lambda mask, x, y: x(mask, x, y),
    lambda context, builder, signature, mask, x, y: builder.select(mask, x, y),
)
lowest_bit = _intrinsic(
    lambda bits: types.int64(types.int64),
    lambda context, builder, signature, bits: builder.cttz(bits, ir.Constant(ir.IntType(1), 1)),
)
packed = _intrinsic(
    lambda mask: types.int64(mask),
    lambda context, builder, signature, mask: builder.zext(builder.bitcast(mask, ir.IntType(LANES)), ir.IntType(64)),
)


def rotation(amount: int) -> Any:
    """Return a function of lanes that rotates uint32 words left by `amount` bits, 1 to 31."""

    def emit(context: Any, builder: Any, signature: Any, x: Any) -> Any:
        left = ir.Constant(x.type, [amount] * LANES)
        right = ir.Constant(x.type, [32 - amount] * LANES)
        return builder.or_(builder.shl(x, left), builder.lshr(x, right))

    return _intrinsic(lambda x: x(x), emit)


def _overload_operator(function: Any, on_floats: Any, on_words: Any) -> None:
    @overload(function)  # type: ignore[untyped-decorator]
    def implement(x: Any, y: Any) -> Any:
        if not (isinstance(x, LanesType) and isinstance(y, LanesType)):
            return None
        chosen = on_floats if x == FLOATS else on_words

        def apply(x: Any, y: Any) -> Any:
            return chosen(x, y)

        return apply


_overload_operator(operator.add, _add_floats, _add_words)
_overload_operator(operator.sub, _subtract_floats, None)
_overload_operator(operator.mul, _multiply_floats, None)
_overload_operator(operator.truediv, _divide_floats, None)
_overload_operator(operator.xor, None, _xor_words)
_overload_operator(operator.and_, None, _and_words)
_overload_operator(operator.rshift, None, _shift_words)
