"""SPDX-License-Identifier: Apache-2.0"""

import pytest

from verifier.murmur2 import murmur2, partition_of

# The vectors of UtilsTest in Kafka's own sources; Java prints them as signed numbers.
JAVA_VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", JAVA_VECTORS, ids=lambda key: key.decode())
def test_the_hash_is_the_one_of_the_java_client(key):
    assert murmur2(key) == JAVA_VECTORS[key] & 0xFFFFFFFF


def test_the_sign_bit_is_dropped_before_the_remainder():
    assert partition_of(b"21", 12) == (-973932308 & 0x7FFFFFFF) % 12
