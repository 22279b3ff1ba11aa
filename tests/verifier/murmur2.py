"""murmur2 as Kafka's Java client computes it, and the partition it chooses for a key.

Written from the description of the algorithm; test_murmur2.py has the Java client's own vectors,
and the flow tests compare it with the Java class itself.

SPDX-License-Identifier: Apache-2.0
"""

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """The hash as an unsigned 32-bit number."""
    state = (_SEED ^ len(key)) & _MASK
    whole = len(key) - len(key) % 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * _MULTIPLIER & _MASK
        word ^= word >> 24
        word = word * _MULTIPLIER & _MASK
        state = state * _MULTIPLIER & _MASK ^ word
    if whole < len(key):
        state ^= int.from_bytes(key[whole:], "little")
        state = state * _MULTIPLIER & _MASK
    state ^= state >> 13
    state = state * _MULTIPLIER & _MASK
    return state ^ state >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that the default partitioner of the Java client chooses for a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
