/* Decimal numbers as text. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "schemas/decimal.h"
#include "tests/support/text.h"

#include <stdlib.h>

static struct slice plain(struct slice text, char buffer[DECIMAL_TEXT_SIZE])
{
    struct decimal decimal;
    if (!decimal_parse(text, &decimal)) {
        CHECK(!decimal_is_plain(text, 20, 18));
        return SLICE("invalid");
    }
    struct slice value = decimal_format(&decimal, 20, 18, buffer);
    CHECK(!decimal_is_plain(text, 20, 18) || slice_equal(value, text));
    return value.data == NULL ? SLICE("too long") : value;
}

TEST(decimal, writes_the_digits_that_were_sent)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"0", "0"},
        {"-0", "-0"},
        {"-0.00", "-0.00"},
        {"12", "12"},
        {"12.50", "12.50"},
        {"-12.5", "-12.5"},
        {"0.1", "0.1"},
        {"99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"},
        {"0.000000000000000001", "0.000000000000000001"},
        /* exponents */
        {"1e0", "1"},
        {"1e3", "1000"},
        {"1E+3", "1000"},
        {"1.5e1", "15"},
        {"1.50e1", "15.0"},
        {"1.2345e2", "123.45"},
        {"12345e-2", "123.45"},
        {"1e-2", "0.01"},
        {"-25e-1", "-2.5"},
        {"1e19", "10000000000000000000"},
        {"1e-18", "0.000000000000000001"},
        {"0.001e3", "1"},
        {"0.00012e2", "0.012"},
        {"0e5", "0"},
        {"0.00e-1", "0.000"},
        {"0e-5", "0.00000"},
        {"0e999999999999999999999999", "0"},
        {"0e-999999999999999999999999", "0.000000000000000000"},
        {"0.0000000000000000000000001e26", "10"},
        {"100000000000000000000000000e-10", "10000000000000000.0000000000"},
        /* zeros that do not fit say nothing */
        {"1.0000000000000000000000", "1.000000000000000000"},
        {"5e-0018", "0.000000000000000005"},
    };
    char buffer[DECIMAL_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_same(i, plain(slice_from(rows[i].text), buffer), rows[i].want);
}

TEST(decimal, has_a_limit_on_each_side_of_the_point)
{
    static const char *const rows[] = {
        "100000000000000000000",
        "123456789012345678901.5",
        "0.0000000000000000001",
        "1.0000000000000000001",
        "1e20",
        "1e-19",
        "1e999999999",
        "-1e999999999",
        "1e-999999999",
        "1e9999999999999999999999999999999999999999999999",
        "1e-9999999999999999999999999999999",
    };
    char buffer[DECIMAL_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_same(i, plain(slice_from(rows[i]), buffer), "too long");
}

TEST(decimal, refuses_what_is_not_a_json_number)
{
    static const char *const rows[] = {
        "",
        "-",
        "+1",
        ".5",
        "5.",
        "-.5",
        "01",
        "-007",
        "1e",
        "1e+",
        "1.e3",
        "e3",
        "1 ",
        " 1",
        "1,5",
        "0x1",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "1_0",
        "--1",
        "1-",
        "1e1.5",
        "1e1e",
        "1..2",
        "\xC2\xA0"
        "1",
    };
    char buffer[DECIMAL_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_same(i, plain(slice_from(rows[i]), buffer), "invalid");
    CHECK(slice_equal(plain((struct slice){"1\0", 2}, buffer), SLICE("invalid")));
}

/* A number of 300,000 digits costs one look at each. */
TEST(decimal, reads_long_texts)
{
    enum { ZEROS = 300000 };
    CLEANUP(mem_freep) char *text = xmalloc(ZEROS + 20);
    char buffer[DECIMAL_TEXT_SIZE];
    memcpy(text, "0.", 2);
    memset(text + 2, '0', ZEROS);
    memcpy(text + 2 + ZEROS, "75e300001", 9);
    check_same(0, plain((struct slice){text, ZEROS + 11}, buffer), "7.5");
    memcpy(text + 2 + ZEROS, "75e300002", 9);
    check_same(1, plain((struct slice){text, ZEROS + 11}, buffer), "75");
}
