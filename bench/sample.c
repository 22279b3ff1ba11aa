/* The event that every measurement uses: see sample.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "bench/sample.h"
#include "base/assert.h"
#include "base/clock.h"
#include <stdio.h>
#include <string.h>

/* The first placeholder is the transaction_id, the second the timestamp. */
static const char form[] =
    "{\"transaction_id\":\"%s\",\"external_customer_id\":\"customer-000042\","
    "\"code\":\"api_requests\",\"timestamp\":\"%s\",\"value\":\"12.50\",\"properties\":{"
    "\"region\":\"eu-central-1\",\"endpoint\":\"/v1/orders\",\"method\":\"POST\",\"status\":201,"
    "\"latency_ms\":12.7,\"instance\":\"i-0a1b2c3d4e5f607\"}}";

void sample_event(char *ret_bytes, uint32_t run, uint64_t number, int64_t unix_s)
{
    char when[CLOCK_TEXT_SIZE];
    char text[SAMPLE_SIZE + 64];
    clock_format(unix_s * 1000 + 123, when);
    int size = snprintf(text, sizeof text, form, "000000000000000000000000", when);
    ASSERT(size == SAMPLE_SIZE);
    sample_renumber(text, run, number);
    memcpy(ret_bytes, text, SAMPLE_SIZE);
}

void sample_renumber(char *bytes, uint32_t run, uint64_t number)
{
    static const char digits[] = "0123456789abcdef";
    char *at = bytes + SAMPLE_ID_AT + SAMPLE_ID_SIZE;
    for (int i = 0; i < 16; i++, number >>= 4)
        *--at = digits[number & 15];
    for (int i = 0; i < 8; i++, run >>= 4)
        *--at = digits[run & 15];
}
