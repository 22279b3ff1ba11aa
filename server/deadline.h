/* Requests that wait for the broker, and the thread that answers them when it takes too long.
 *
 * All have the same time, so a list is in the order of their deadlines and only its head is looked
 * at. There are several lists, so that loops seldom meet in one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_DEADLINE_H
#define SERVER_DEADLINE_H
#include "base/thread.h"
#include "server/limits.h"
#include <stdalign.h>
#include <stdbool.h>

struct request;

enum { DEADLINE_LISTS = 8 };

struct deadline_list {
    alignas(64) struct lock lock; /* guards what follows, and the links of the requests */
    struct request *oldest, *newest;
};

struct deadlines {
    const struct limits *limits; /* borrowed */
    struct thread thread;
    struct lock lock; /* guards `stopping` */
    bool stopping;
    struct deadline_list lists[DEADLINE_LISTS];
};

void deadline_start(struct deadlines *deadlines, const struct limits *limits);
void deadline_stop(struct deadlines *deadlines); /* nothing may be waiting; zeroed is fine */

/* A request stays valid while it is in the list. */
void deadline_add(struct deadlines *deadlines, struct request *request);
void deadline_remove(struct deadlines *deadlines, struct request *request); /* absent is fine */

#endif
