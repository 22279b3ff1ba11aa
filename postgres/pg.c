/* Connections and statements. Everything is sent without blocking and waited for with a deadline:
 * libpq's own blocking calls would wait for ever for a server that is frozen.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "postgres/pg.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include <ctype.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATEMENTS_MAX = 128,      /* prepared at most; further ones are sent as they are */
    STATEMENT_SIZE_MAX = 8192, /* bytes; longer ones are not worth remembering */
    STATEMENT_NAME_SIZE = 24,
};

/* A statement seen before. It is prepared when it comes the second time: most come once. */
struct statement {
    uint64_t hash;
    char *sql; /* owned; NULL: free */
    char name[STATEMENT_NAME_SIZE];
    bool prepared;
};

struct pg {
    PGconn *conn; /* owned; non-blocking */
    bool alive;
    int64_t timeout_ms;
    int64_t affected;
    char sqlstate[8]; /* of the last refusal; "" after anything else */
    uint32_t names_made;
    struct statement statements[STATEMENTS_MAX];
    size_t statements_len;
};

/* What is true when the connection is lost during a statement. */
enum doubt {
    DOUBT_NONE,    /* the server rolls back what was not committed */
    DOUBT_OUTCOME, /* it may have taken effect */
};

enum err_code pg_sqlstate_code(const char *sqlstate)
{
    static const struct {
        const char *start; /* a state, or the class that it begins with */
        enum err_code code;
    } meanings[] = {
#define STATE(start, code, name) {start, ERR_##code},
#include "postgres/sqlstates.def"
#undef STATE
    };
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (strncmp(sqlstate, meanings[i].start, strlen(meanings[i].start)) == 0)
            return meanings[i].code;
    return ERR_POSTGRES_REFUSED;
}

/* libpq's messages have several lines with tabs; ours are one sentence. */
static bool fail_with_message(struct err *reterr, enum err_code code, const char *context,
                              const char *message)
{
    char line[ERR_TEXT_SIZE];
    size_t size = 0;
    size_t message_size = strlen(message);
    while (message_size > 0 && isspace((unsigned char)message[message_size - 1]))
        message_size--;
    for (size_t i = 0; i < message_size && size + 2 < sizeof(line); i++) {
        if (message[i] == '\n')
            line[size++] = ';';
        bool space = isspace((unsigned char)message[i]);
        if (!space)
            line[size++] = message[i];
        else if (size > 0 && line[size - 1] != ' ')
            line[size++] = ' ';
    }
    line[size] = '\0';
    return err_set(reterr, code, "%s%s", context, line);
}

static bool lost(struct pg *pg, enum doubt doubt, const char *message, struct err *reterr)
{
    pg->alive = false;
    return fail_with_message(
        reterr, doubt == DOUBT_OUTCOME ? ERR_POSTGRES_UNKNOWN : ERR_POSTGRES_UNAVAILABLE,
        "the connection to PostgreSQL was lost: ", message);
}

static void drop_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

/* A URI whose password has an '@' or '/' that is not percent-encoded is read wrongly, and libpq's
 * messages would then show a piece of the password as a host, port or database. */
static bool conninfo_check(const char *conninfo, struct err *reterr)
{
    PQconninfoOption *options =
        PQconninfoParse(conninfo, NULL /* message: it may quote a secret */);
    bool good = options != NULL;
    for (const PQconninfoOption *option = options; option && option->keyword; option++) {
        if (!option->val)
            continue;
        if (strcmp(option->keyword, "host") == 0 || strcmp(option->keyword, "dbname") == 0)
            good = good && !strchr(option->val, '@');
        else if (strcmp(option->keyword, "port") == 0)
            good = good && strspn(option->val, "0123456789,") == strlen(option->val);
    }
    PQconninfoFree(options);
    if (!good)
        return err_set(reterr, ERR_SETTINGS_INVALID,
                       "the setting postgres is not a libpq URI or connection string; in a URI, "
                       "percent-encode @ / : and %% in the password");
    return true;
}

/* What the program relies on in how values are written, and where names are looked up. */
static bool session_setup(struct pg *pg, const char *schema, struct err *reterr)
{
    const char *params[] = {schema};
    return pg_query(pg,
                    "SELECT set_config('search_path', quote_ident($1), false),"
                    " set_config('datestyle', 'ISO', false),"
                    " set_config('timezone', 'UTC', false),"
                    " set_config('bytea_output', 'hex', false)",
                    params, ARRAY_LEN(params), NULL, reterr);
}

struct pg *pg_connect(const char *conninfo, const char *application, const char *schema,
                      struct err *reterr)
{
    if (!conninfo_check(conninfo, reterr))
        return NULL;
    /* What stands in front of dbname is a default that conninfo may change. */
    char timeout[16];
    snprintf(timeout, sizeof(timeout), "%d", PG_CONNECT_TIMEOUT_S);
    const char *const keys[] = {"connect_timeout",     "application_name",
                                "keepalives",          "keepalives_idle",
                                "keepalives_interval", "keepalives_count",
                                "tcp_user_timeout",    "dbname",
                                "client_encoding",     NULL};
    const char *const values[] = {timeout, application, "1",      "10",   "5",
                                  "3",     "20000",     conninfo, "UTF8", NULL};
    CLEANUP(pg_freep) struct pg *pg = xcalloc(1, sizeof(*pg));
    pg->conn = PQconnectdbParams(keys, values, 1);
    pg->timeout_ms = PG_TIMEOUT_MS;
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        fail_with_message(reterr, ERR_POSTGRES_UNAVAILABLE, "", PQerrorMessage(pg->conn));
        return NULL;
    }
    pg->alive = true;
    PQsetNoticeReceiver(pg->conn, drop_notice, NULL);
    if (PQsetnonblocking(pg->conn, 1) != 0) {
        lost(pg, DOUBT_NONE, PQerrorMessage(pg->conn), reterr);
        return NULL;
    }
    if (!session_setup(pg, schema, reterr))
        return NULL;
    return TAKE(pg);
}

void pg_free(struct pg *pg)
{
    if (!pg)
        return;
    for (size_t i = 0; i < pg->statements_len; i++)
        free(pg->statements[i].sql);
    PQfinish(pg->conn);
    free(pg);
}

void pg_freep(struct pg **pg)
{
    pg_free(*pg);
}

void pg_address(const struct pg *pg, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "%s:%s/%s", PQhost(pg->conn), PQport(pg->conn), PQdb(pg->conn));
}

void pg_set_timeout(struct pg *pg, int64_t timeout_ms)
{
    pg->timeout_ms = timeout_ms;
}

bool pg_alive(const struct pg *pg)
{
    return pg->alive && PQstatus(pg->conn) == CONNECTION_OK;
}

int64_t pg_affected(const struct pg *pg)
{
    return pg->affected;
}

/* Waits until the socket can do one of `events`; false when the deadline passed. */
static bool wait_for(struct pg *pg, short events, int64_t deadline_mono_ms)
{
    for (;;) {
        int64_t left = -1;
        if (deadline_mono_ms != INT64_MAX) {
            left = deadline_mono_ms - clock_mono_ms();
            if (left <= 0)
                return false;
        }
        struct pollfd socket = {.fd = PQsocket(pg->conn), .events = events};
        int n = poll(&socket, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return true; /* let libpq find out what is wrong with the socket */
    }
}

/* Sends what libpq still holds. A server that answers before it has read everything must be read
 * from meanwhile, or both sides would wait. */
static bool flush(struct pg *pg, int64_t deadline_mono_ms, const char **ret_why)
{
    for (;;) {
        int rest = PQflush(pg->conn);
        if (rest == 0)
            return true;
        *ret_why = PQerrorMessage(pg->conn);
        if (rest < 0)
            return false;
        if (!wait_for(pg, POLLIN | POLLOUT, deadline_mono_ms)) {
            *ret_why = "it did not take a statement in time";
            return false;
        }
        if (!PQconsumeInput(pg->conn))
            return false;
    }
}

/* Takes the answer to what was sent: the last result, or the first error. NULL: the connection is
 * lost, *ret_why says how. */
static PGresult *collect(struct pg *pg, const char **ret_why)
{
    int64_t deadline = pg->timeout_ms > 0 ? clock_mono_ms() + pg->timeout_ms : INT64_MAX;
    if (!flush(pg, deadline, ret_why))
        return NULL;
    PGresult *kept = NULL;
    for (;;) {
        while (PQisBusy(pg->conn)) {
            bool answered = wait_for(pg, POLLIN, deadline);
            if (answered && PQconsumeInput(pg->conn))
                continue;
            *ret_why = answered ? PQerrorMessage(pg->conn) : "it did not answer in time";
            PQclear(kept);
            return NULL;
        }
        PGresult *result = PQgetResult(pg->conn);
        if (!result)
            break;
        ExecStatusType status = PQresultStatus(result);
        ASSERT(status != PGRES_COPY_IN && status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH);
        if (kept && PQresultStatus(kept) == PGRES_FATAL_ERROR) {
            PQclear(result);
            continue;
        }
        PQclear(kept);
        kept = result;
    }
    *ret_why = PQerrorMessage(pg->conn);
    return kept;
}

/* Judges an answer. Takes `rows`, which may be NULL; gives them back when they are a success. */
static PGresult *judge(struct pg *pg, PGresult *rows, enum doubt doubt, const char *why,
                       struct err *reterr)
{
    pg->sqlstate[0] = '\0';
    if (!rows) {
        lost(pg, doubt, why, reterr);
        return NULL;
    }
    ExecStatusType status = PQresultStatus(rows);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
        pg->affected = strtoll(PQcmdTuples(rows), NULL, 10);
        return rows;
    }
    const char *sqlstate = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY);
    const char *severity = PQresultErrorField(rows, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (!message)
        message = PQresultErrorMessage(rows);
    bool ends = severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
    if (ends || !sqlstate || PQstatus(pg->conn) != CONNECTION_OK) {
        lost(pg, doubt, message, reterr);
    } else {
        char context[32];
        snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", sqlstate);
        snprintf(context, sizeof(context), "PostgreSQL says %s: ", pg->sqlstate);
        fail_with_message(reterr, pg_sqlstate_code(sqlstate), context, message);
    }
    PQclear(rows);
    return NULL;
}

/* Finishes what PQsend… began (`sent` is what it returned). */
static PGresult *finish(struct pg *pg, int sent, enum doubt doubt, struct err *reterr)
{
    if (!sent && PQstatus(pg->conn) == CONNECTION_OK) {
        fail_with_message(reterr, ERR_POSTGRES_REFUSED, "", PQerrorMessage(pg->conn));
        return NULL;
    }
    const char *why = PQerrorMessage(pg->conn);
    PGresult *rows = sent ? collect(pg, &why) : NULL;
    return judge(pg, rows, doubt, why, reterr);
}

static bool check_alive(struct pg *pg, struct err *reterr)
{
    if (!pg_alive(pg))
        return lost(pg, DOUBT_NONE, "it broke before", reterr);
    return true;
}

/* Only a statement that runs by itself and changes something leaves a doubt. */
static enum doubt doubt_of(const struct pg *pg, const char *sql)
{
    bool alone = PQtransactionStatus(pg->conn) == PQTRANS_IDLE;
    return alone && strncasecmp(sql, "SELECT", strlen("SELECT")) != 0 ? DOUBT_OUTCOME : DOUBT_NONE;
}

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

/* The statement if it was seen before; otherwise it is remembered, and NULL is returned. */
static struct statement *statement_recall(struct pg *pg, const char *sql)
{
    uint64_t hash = hash_of(sql);
    for (size_t i = 0; i < pg->statements_len; i++) {
        struct statement *statement = &pg->statements[i];
        if (statement->hash == hash && strcmp(statement->sql, sql) == 0)
            return statement;
    }
    if (pg->statements_len < STATEMENTS_MAX && strlen(sql) <= STATEMENT_SIZE_MAX)
        pg->statements[pg->statements_len++] =
            (struct statement){.hash = hash, .sql = xstrdup(sql)};
    return NULL;
}

static bool statement_prepare(struct pg *pg, struct statement *statement, struct err *reterr)
{
    if (statement->prepared)
        return true;
    snprintf(statement->name, sizeof(statement->name), "bxb_%u", pg->names_made++);
    int sent = PQsendPrepare(pg->conn, statement->name, statement->sql, 0, NULL);
    PGresult *made = finish(pg, sent, DOUBT_NONE, reterr);
    statement->prepared = made != NULL;
    PQclear(made);
    return statement->prepared;
}

static PGresult *run(struct pg *pg, const char *sql, const char *const params[], size_t params_len,
                     struct err *reterr)
{
    enum doubt doubt = doubt_of(pg, sql);
    struct statement *statement = statement_recall(pg, sql);
    if (!statement) {
        int sent = PQsendQueryParams(pg->conn, sql, (int)params_len, NULL, params, NULL, NULL, 0);
        return finish(pg, sent, doubt, reterr);
    }
    if (!statement_prepare(pg, statement, reterr))
        return NULL;
    int sent =
        PQsendQueryPrepared(pg->conn, statement->name, (int)params_len, params, NULL, NULL, 0);
    struct err err;
    PGresult *rows = finish(pg, sent, doubt, &err);
    if (rows)
        return rows;
    /* A migration changed the result type, or a pooler moved us to another session: the statement
     * must be prepared anew. */
    if (strcmp(pg->sqlstate, "0A000") == 0 || strcmp(pg->sqlstate, "26000") == 0) {
        statement->prepared = false;
        err.code = ERR_POSTGRES_CONFLICT;
        if (PQtransactionStatus(pg->conn) == PQTRANS_IDLE) {
            sent = PQsendQueryParams(pg->conn, sql, (int)params_len, NULL, params, NULL, NULL, 0);
            return finish(pg, sent, doubt, reterr);
        }
    }
    if (reterr)
        *reterr = err;
    return NULL;
}

bool pg_query(struct pg *pg, const char *sql, const char *const params[], size_t params_len,
              struct pg_result **ret_result, struct err *reterr)
{
    if (!check_alive(pg, reterr))
        return false;
    PGresult *rows = run(pg, sql, params, params_len, reterr);
    if (!rows)
        return false;
    if (ret_result)
        *ret_result = rows;
    else
        PQclear(rows);
    return true;
}

static bool script(struct pg *pg, const char *sql, enum doubt doubt, struct err *reterr)
{
    PGresult *rows = finish(pg, PQsendQuery(pg->conn, sql), doubt, reterr);
    PQclear(rows);
    return rows != NULL;
}

bool pg_script(struct pg *pg, const char *sql, struct err *reterr)
{
    return check_alive(pg, reterr) && script(pg, sql, doubt_of(pg, sql), reterr);
}

bool pg_begin(struct pg *pg, struct err *reterr)
{
    if (!check_alive(pg, reterr))
        return false;
    ASSERT(PQtransactionStatus(pg->conn) == PQTRANS_IDLE);
    return script(pg, "BEGIN", DOUBT_NONE, reterr);
}

bool pg_commit(struct pg *pg, struct err *reterr)
{
    if (!check_alive(pg, reterr))
        return false;
    PGresult *rows = finish(pg, PQsendQuery(pg->conn, "COMMIT"), DOUBT_OUTCOME, reterr);
    if (!rows)
        return false;
    /* COMMIT of a transaction in which a statement failed succeeds, and rolls back. */
    bool committed = strcmp(PQcmdStatus(rows), "COMMIT") == 0;
    PQclear(rows);
    if (!committed)
        return err_set(reterr, ERR_POSTGRES_REFUSED,
                       "PostgreSQL rolled the transaction back because a statement in it failed");
    return true;
}

void pg_rollback(struct pg *pg)
{
    if (!pg_alive(pg) || PQtransactionStatus(pg->conn) == PQTRANS_IDLE)
        return;
    if (!script(pg, "ROLLBACK", DOUBT_NONE, NULL))
        pg->alive = false; /* nothing may run in a transaction that is half undone */
}
