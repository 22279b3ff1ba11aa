/* CloudEvents 1.0 (JSON format, batches, and binary mode over HTTP) as events:
 *
 *     id → transaction_id, type → code, subject → external_customer_id, time → timestamp (absent:
 *     receipt), data → properties (absent: {})
 *
 * With rules->id_includes_source the transaction_id is "source|id": CloudEvents are unique by both,
 * and no URI has a "|". Extension attributes are dropped, the first one is named. Pointers go into
 * the CloudEvent in its JSON format, also in binary mode.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_CLOUDEVENTS_H
#define SCHEMAS_CLOUDEVENTS_H
#include "base/err.h"
#include "schemas/event.h"
#include "schemas/scan.h"
#include <stdbool.h>

/* One line per attribute of the specification. */
#define CLOUDEVENTS(ATTRIBUTE)                                                                     \
    ATTRIBUTE(ID, "id")                                                                            \
    ATTRIBUTE(SOURCE, "source")                                                                    \
    ATTRIBUTE(SPECVERSION, "specversion")                                                          \
    ATTRIBUTE(TYPE, "type")                                                                        \
    ATTRIBUTE(SUBJECT, "subject")                                                                  \
    ATTRIBUTE(TIME, "time")                                                                        \
    ATTRIBUTE(DATASCHEMA, "dataschema")                                                            \
    ATTRIBUTE(DATACONTENTTYPE, "datacontenttype")                                                  \
    ATTRIBUTE(DATA, "data")                                                                        \
    ATTRIBUTE(DATA_BASE64, "data_base64")

enum cloudevents_attribute {
#define ATTRIBUTE(name, text) CLOUDEVENTS_##name,
    CLOUDEVENTS(ATTRIBUTE)
#undef ATTRIBUTE
        CLOUDEVENTS_LEN,
};

/* The headers ce-… of a request, as they were sent; zeroed at first. */
struct cloudevents_headers {
    struct slice values[CLOUDEVENTS_LEN]; /* borrowed */
    unsigned given;                       /* a bit per attribute */
    struct slice extension;               /* name of the first other one; size 0: none */
};

/* Notes the header "ce-NAME"; `name` is in whatever case. */
void cloudevents_add_header(struct cloudevents_headers *headers, struct slice name,
                            struct slice value);

/* Whether the headers are those of a CloudEvent in binary mode, complete or not. */
bool cloudevents_is_binary(const struct cloudevents_headers *headers);

/* What stood in one CloudEvent. */
struct cloudevents {
    const struct cloudevents_headers *headers; /* binary mode; NULL: the attributes are `values` */
    struct scan_value values[CLOUDEVENTS_LEN]; /* those that are given */
    unsigned given;                            /* a bit per attribute; null counts as not given */
    struct slice extension;                    /* the first one; size 0: none */
};

/* Reads the CloudEvent at the cursor: an object that is open, up to its end, or in binary mode the
 * data, which may be missing. False: see scan->err. */
bool cloudevents_read(struct cloudevents *cloudevent, const struct cloudevents_headers *headers,
                      struct scan *scan) MUST_CHECK;

/* Makes the event of it, or says what is wrong with the first attribute that is.
 * ret_event->transaction_id is written in any case, size 0 when it cannot be read. */
bool cloudevents_check(const struct cloudevents *cloudevent, const struct event_rules *rules,
                       struct scan *scan, struct event *ret_event, struct err *reterr) MUST_CHECK;

#endif
