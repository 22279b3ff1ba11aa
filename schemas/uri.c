/* URI references. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/uri.h"
#include <string.h>

/* The parts, with the characters that set them apart: "http:", "//host", "/path", "?query". */
struct uri {
    struct slice scheme, authority, path, query;
};

/* Cuts off what stands before the first of `ends`. */
static struct slice cut(struct slice *rest, const char *ends)
{
    size_t size = 0;
    while (size < rest->size && strchr(ends, rest->data[size]) == NULL)
        size++;
    struct slice part = {rest->data, size};
    rest->data += size;
    rest->size -= size;
    return part;
}

static bool starts_with(struct slice text, const char *start)
{
    size_t size = strlen(start);
    return text.size >= size && memcmp(text.data, start, size) == 0;
}

static struct uri parse(struct slice text)
{
    struct uri uri = {.query = {NULL, 0}};
    struct slice rest = text;
    struct slice scheme = cut(&rest, ":/?");
    if (scheme.size > 0 && starts_with(rest, ":")) {
        uri.scheme = (struct slice){text.data, scheme.size + 1};
        rest.data++;
        rest.size--;
    } else {
        rest = text;
    }
    if (starts_with(rest, "//")) {
        const char *start = rest.data;
        rest.data += 2;
        rest.size -= 2;
        uri.authority = (struct slice){start, cut(&rest, "/?").size + 2};
    }
    uri.path = cut(&rest, "?");
    uri.query = rest;
    return uri;
}

/* Takes the last segment, and the slash before it, off the path that begins at `start`. */
static void drop_segment(struct buf *out, size_t start)
{
    while (out->size > start && out->data[out->size - 1] != '/')
        out->size--;
    if (out->size > start)
        out->size--;
}

static void skip(struct slice *path, size_t size)
{
    path->data += size;
    path->size -= size;
}

/* Appends a path without "." and ".." in it (section 5.2.4). */
static void append_path(struct buf *out, struct slice path)
{
    size_t start = out->size;
    while (path.size > 0) {
        bool dot = slice_equal(path, SLICE("/.")), dots = slice_equal(path, SLICE("/.."));
        if (starts_with(path, "../")) {
            skip(&path, 3);
        } else if (starts_with(path, "./") || starts_with(path, "/./")) {
            skip(&path, 2);
        } else if (starts_with(path, "/../") || dots) {
            drop_segment(out, start);
            skip(&path, 3);
        } else if (slice_equal(path, SLICE(".")) || slice_equal(path, SLICE("..")) || dot) {
            skip(&path, path.size);
        } else {
            buf_append_char(out, path.data[0]);
            skip(&path, 1);
            buf_append_slice(out, cut(&path, "/"));
            continue;
        }
        if (dot || dots)
            buf_append_char(out, '/');
    }
}

/* Appends the path of `reference` seen from `base` (section 5.2.3). */
static void append_merged(struct buf *out, const struct uri *base, struct slice reference)
{
    struct buf merged;
    buf_init(&merged, base->path.size + reference.size + 1);
    struct slice directory = base->path;
    while (directory.size > 0 && directory.data[directory.size - 1] != '/')
        directory.size--;
    if (base->authority.size > 0 && base->path.size == 0)
        buf_append_char(&merged, '/');
    buf_append_slice(&merged, directory);
    buf_append_slice(&merged, reference);
    append_path(out, buf_slice(&merged));
    buf_done(&merged);
}

void uri_resolve(struct slice base_text, struct slice reference, struct buf *out)
{
    const struct uri base = parse(base_text), uri = parse(reference);
    const bool own_scheme = uri.scheme.size > 0;
    const bool own_authority = own_scheme || uri.authority.size > 0;
    const bool own_path = own_authority || uri.path.size > 0;
    buf_append_slice(out, own_scheme ? uri.scheme : base.scheme);
    buf_append_slice(out, own_authority ? uri.authority : base.authority);
    if (!own_path)
        buf_append_slice(out, base.path);
    else if (own_authority || starts_with(uri.path, "/"))
        append_path(out, uri.path);
    else
        append_merged(out, &base, uri.path);
    buf_append_slice(out, own_path || uri.query.size > 0 ? uri.query : base.query);
}
