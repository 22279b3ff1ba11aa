/* One top-level property of an event. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/property.h"
#include "schemas/utf8.h"

enum property_step property_find(struct scan *scan, struct slice name, struct scan_value *ret_value)
{
    struct slice member;
    enum scan_kind kind;
    enum scan_step step;
    if (!scan_peek(scan, &kind))
        return PROPERTY_BROKEN;
    if (kind != SCAN_OBJECT) {
        scan_break(scan, "it is not an object");
        return PROPERTY_BROKEN;
    }
    if (!scan_open(scan, kind))
        return PROPERTY_BROKEN;
    while ((step = scan_member(scan, &member)) == SCAN_ITEM) {
        if (!scan_read(scan, ret_value))
            return PROPERTY_BROKEN;
        if (slice_equal(member, name))
            return PROPERTY_FOUND;
    }
    return step == SCAN_CLOSE ? PROPERTY_ABSENT : PROPERTY_BROKEN;
}

void property_pointer(const char *where, struct slice name, char ret_pointer[ERR_POINTER_SIZE])
{
    size_t size = (size_t)snprintf(ret_pointer, ERR_POINTER_SIZE, "%s/", where), next;
    uint32_t point;
    for (size_t at = 0; at < name.size; at += next) {
        bool special = name.data[at] == '~' || name.data[at] == '/';
        next = utf8_decode(name.data + at, name.size - at, &point);
        size_t written = special ? 2 : next;
        if (next == 0 || size + written >= ERR_POINTER_SIZE)
            break;
        memcpy(ret_pointer + size, name.data + at, next);
        if (special)
            memcpy(ret_pointer + size, name.data[at] == '~' ? "~0" : "~1", 2);
        size += written;
    }
    ret_pointer[size] = '\0';
}
