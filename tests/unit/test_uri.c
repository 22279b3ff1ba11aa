/* URI references: the examples of RFC 3986, section 5.4, and bases that are no whole URI.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/uri.h"
#include "tests/support/text.h"

static void check_resolved(size_t row, const char *base, const char *reference, const char *want)
{
    struct buf out;
    buf_init(&out, 256);
    uri_resolve(slice_from(base), slice_from(reference), &out);
    check_same(row, buf_slice(&out), want);
    buf_done(&out);
}

TEST(uri, is_resolved_as_in_the_examples_of_its_standard)
{
    static const struct {
        const char *reference, *want;
    } rows[] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"http:g", "http:g"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_resolved(i, "http://a/b/c/d;p?q", rows[i].reference, rows[i].want);
}

TEST(uri, is_resolved_against_any_base)
{
    static const struct {
        const char *base, *reference, *want;
    } rows[] = {
        {"", "", ""},
        {"", "x.json", "x.json"},
        {"", "/x", "/x"},
        {"x.json", "y.json", "y.json"},
        {"/a/x.json", "y.json", "/a/y.json"},
        {"http://h", "y", "http://h/y"},
        {"http://h?q", "y", "http://h/y"},
        {"urn:a:b", "", "urn:a:b"},
        {"urn:a:b", "urn:c", "urn:c"},
        {"a", "..", ""},
        {"http://h/1:2", "x:y/z", "x:y/z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_resolved(i, rows[i].base, rows[i].reference, rows[i].want);
}
