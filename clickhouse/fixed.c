/* Decimal text to a scaled integer. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/fixed.h"
#include "base/assert.h"
#include "schemas/decimal.h"

enum { SHOWN_MAX = 60 }; /* bytes of a wrong value in an error's text */

bool fixed_parse(struct slice text, unsigned precision, unsigned scale, __int128 *ret_value,
                 struct err *reterr)
{
    ASSERT(precision >= 1 && precision <= FIXED_DIGITS_MAX && scale <= precision);
    struct decimal number;
    if (!decimal_parse(text, &number) || number.exponent)
        return err_set(reterr, ERR_VALUE_INVALID, "'%.*s' is not a plain decimal number",
                       text.size > SHOWN_MAX ? SHOWN_MAX : (int)text.size,
                       text.data ? text.data : "");
    struct slice whole = number.whole, part = number.part;
    while (whole.size > 0 && whole.data[0] == '0')
        whole = (struct slice){whole.data + 1, whole.size - 1};
    while (part.size > 0 && part.data[part.size - 1] == '0')
        part.size--;
    if (whole.size > precision - scale || part.size > scale)
        return err_set(reterr, ERR_VALUE_OUT_OF_RANGE,
                       "%zu digits before and %zu after the point do not fit Decimal(%u, %u)",
                       whole.size, part.size, precision, scale);
    /* At most 38 digits from here on, so nothing below can overflow. */
    __int128 value = 0;
    for (size_t i = 0; i < whole.size; i++)
        value = value * 10 + (whole.data[i] - '0');
    for (size_t i = 0; i < scale; i++)
        value = value * 10 + (i < part.size ? part.data[i] - '0' : 0);
    *ret_value = number.negative ? -value : value;
    return true;
}
