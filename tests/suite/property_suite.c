/* Runs files of the JSON-Schema-Test-Suite: property_suite LEFT_OUT FILE…
 *
 * LEFT_OUT has lines "file | group | reason", where the group may be *. What it names is expected
 * to be refused or answered otherwise; when it is neither, that is a failure too. Prints what
 * failed and the counts; exits 1 when anything failed. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "schemas/property_schema.h"
#include "schemas/walk.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 4 << 20, MEMORY_MAX = 16 << 20 };

static size_t passed, failed, left_out;

static bool read_file(const char *path, struct buf *content)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "%s: %m\n", path);
        return false;
    }
    char *at;
    size_t size;
    while ((at = buf_reserve(content, 65536)) != NULL && (size = fread(at, 1, 65536, file)) > 0)
        content->size += size;
    bool ok = ferror(file) == 0 && !content->overflow;
    fclose(file);
    return ok;
}

static struct slice member(struct slice object, const char *wanted)
{
    struct walk walk = walk_enter(object);
    struct slice name, value;
    while (walk_member(&walk, &name, &value))
        if (slice_equal(name, slice_from(wanted)))
            return value;
    return (struct slice){NULL, 0};
}

/* Whether the list has this group of this file. */
static bool is_left_out(struct slice list, const char *file, struct slice group)
{
    while (list.size > 0) {
        const char *end = memchr(list.data, '\n', list.size);
        size_t size = end != NULL ? (size_t)(end - list.data) : list.size;
        struct slice line = {list.data, size};
        list.data += size + (end != NULL);
        list.size -= size + (end != NULL);
        size_t name = strlen(file);
        if (line.size < name + 3 || memcmp(line.data, file, name) != 0 ||
            memcmp(line.data + name, " | ", 3) != 0)
            continue;
        struct slice rest = {line.data + name + 3, line.size - name - 3};
        if (rest.size > 3 && memcmp(rest.data, "* |", 3) == 0)
            return true;
        if (rest.size > group.size + 2 && memcmp(rest.data, group.data, group.size) == 0 &&
            memcmp(rest.data + group.size, " |", 2) == 0)
            return true;
    }
    return false;
}

/* How many cases of the group are not as they should be. */
static size_t run_cases(struct slice group, const struct property_schema *schema, bool tell,
                        const char *file, size_t *ret_len)
{
    struct walk walk = walk_enter(member(group, "tests"));
    struct slice one;
    size_t wrong = 0, len = 0;
    for (; walk_element(&walk, &one); len++) {
        CLEANUP(arena_done) struct arena arena;
        arena_init(&arena, MEMORY_MAX);
        struct err err = {.code = ERR_NONE};
        bool valid = property_schema_check(schema, member(one, "data"), &arena, &err);
        if (valid == (walk_kind(member(one, "valid")) == SCAN_TRUE))
            continue;
        wrong++;
        if (tell)
            printf("%s: %.*s: %.*s: %s\n", file, SLICE_ARG(member(group, "description")),
                   SLICE_ARG(member(one, "description")), valid ? "taken" : err.text);
    }
    *ret_len = len;
    return wrong;
}

static void run_group(struct slice list, const char *file, struct slice group)
{
    struct slice name = walk_inner(member(group, "description"));
    bool expected = is_left_out(list, file, name);
    const struct property_schema_options options = {.assert_formats =
                                                        strstr(file, "format/") != NULL};
    struct err err;
    struct property_schema *schema =
        property_schema_compile(member(group, "schema"), &options, &err);
    size_t len = 0, wrong = 0;
    if (schema != NULL)
        wrong = run_cases(group, schema, !expected, file, &len);
    bool refused = schema == NULL;
    property_schema_free(schema);
    if (expected && (refused || wrong > 0)) {
        left_out++;
        return;
    }
    if (expected)
        printf("%s: %.*s: is listed as left out, but passes\n", file, SLICE_ARG(name));
    if (refused)
        printf("%s: %.*s: %s: %s\n", file, SLICE_ARG(name), err.pointer, err.text);
    passed += len - wrong;
    failed += wrong + refused + expected;
}

/* The name of a file within the suite: pattern.json, format/uuid.json. */
static const char *suite_name(const char *path)
{
    const char *name = strstr(path, "/format/");
    if (name != NULL)
        return name + 1;
    name = strrchr(path, '/');
    return name != NULL ? name + 1 : path;
}

int main(int argc, char **argv)
{
    CLEANUP(buf_done) struct buf list;
    buf_init(&list, FILE_MAX);
    if (argc < 3 || !read_file(argv[1], &list)) {
        fprintf(stderr, "usage: property_suite LEFT_OUT FILE...\n");
        return 64;
    }
    for (int i = 2; i < argc; i++) {
        CLEANUP(buf_done) struct buf content;
        buf_init(&content, FILE_MAX);
        if (!read_file(argv[i], &content))
            return 2;
        struct walk walk = walk_enter(walk_value(buf_slice(&content)));
        struct slice group;
        while (walk_element(&walk, &group))
            run_group(buf_slice(&list), suite_name(argv[i]), group);
    }
    printf("%zu passed, %zu failed, %zu groups left out\n", passed, failed, left_out);
    return failed > 0;
}
