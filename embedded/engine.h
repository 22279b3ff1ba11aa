/* The ClickHouse engine, loaded as a library (libchdb.so, a plain C interface).
 *
 *     engine = engine_open(&options, &err);
 *     session = session_open(engine);
 *     session_query(session, SLICE("SELECT 1"), "TabSeparated", NULL, 0, &answer);
 *     … answer.error, or answer.body
 *     engine_answer_done(&answer);
 *     session_close(session);
 *
 * A session is a connection of the engine: current database, settings and temporary tables are its
 * own and end with it. Opening one costs a fifth of a millisecond, so each request has its own and
 * nothing leaks from one to the next.
 *
 * Threads: one engine in a process; sessions from any thread, each by one thread at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EMBEDDED_ENGINE_H
#define EMBEDDED_ENGINE_H
#include "base/err.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct session;
struct insert;

struct engine_options {
    const char *library; /* path of libchdb.so */
    const char *data;    /* directory */
    uint64_t threads;    /* for one statement; 0: as many as the engine thinks best */
};

/* A value for {name:Type} in a statement, in the escaped form of TabSeparated. */
struct engine_parameter {
    struct slice name;
    struct slice value;
};

/* What came of a statement. */
struct answer {
    void *result;                  /* owned; the engine's, or NULL */
    void (*release)(void *result); /* how the engine frees it */
    char *error;       /* owned; "Code: 60. DB::Exception: …", NULL when it went well */
    struct slice body; /* borrowed from result */
    uint64_t rows;     /* of the body */
    uint64_t read_rows;
    uint64_t read_bytes;
    uint64_t written_rows;
    uint64_t written_bytes;
};

/* Errors: ENGINE_UNUSABLE. */
struct engine *engine_open(const struct engine_options *options, struct err *reterr) MUST_CHECK;
void engine_close(struct engine *engine); /* every session is closed before; NULL is fine */
const char *engine_version(const struct engine *engine); /* of the library */

/* NULL when the engine refuses another one. */
struct session *session_open(struct engine *engine) MUST_CHECK;
void session_close(struct session *session); /* NULL is fine */

/* Statements in the text, as the engine's own parser counts them; 0 when it cannot read it. */
size_t session_count_statements(struct session *session, struct slice text);

void session_query(struct session *session, struct slice text, const char *format,
                   const struct engine_parameter *parameters, size_t parameters_len,
                   struct answer *ret_answer);

/* Begins an INSERT whose data follows. `head` is the statement without FORMAT and data. Until the
 * insert is ended the session takes nothing else. NULL: *ret_answer has the error. */
struct insert *insert_begin(struct session *session, struct slice head, struct slice format,
                            const struct engine_parameter *parameters, size_t parameters_len,
                            struct answer *ret_answer) MUST_CHECK;

/* Copies the bytes; waits while the engine is behind. False: it failed, insert_end says why. */
bool insert_append(struct insert *insert, struct slice bytes) MUST_CHECK;

/* Commits, and frees the insert. */
void insert_end(struct insert *insert, struct answer *ret_answer);

/* Lands nothing of what the engine has not committed as a block of its own; frees. NULL is fine. */
void insert_abandon(struct insert *insert);

void engine_answer_done(struct answer *answer); /* a zeroed one is fine */

#endif
