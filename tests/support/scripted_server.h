/* An HTTP server that gives the answers of a list, whatever it is asked: for unit tests of clients.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_SCRIPTED_SERVER_H
#define TESTS_SUPPORT_SCRIPTED_SERVER_H
#include "base/thread.h"
#include <stdbool.h>
#include <stddef.h>

enum { SCRIPTED_REQUEST_MAX = 16384 };

#define HANG_UP   "" /* read the request, close the connection */
#define NEXT_CONN NULL

/* Answers requests with the texts, in order; NEXT_CONN closes the connection first. */
struct scripted_server {
    int listener;
    char url[64];
    const char *const *answers;
    size_t answers_len;
    struct thread thread;
    /* written by the thread, read after scripted_server_stop */
    int connections, requests;
    char last[SCRIPTED_REQUEST_MAX]; /* the last request, with its body */
};

void scripted_server_start(struct scripted_server *server, const char *const answers[],
                           size_t answers_len);
void scripted_server_stop(struct scripted_server *server);

#endif
