/* postgres/: what needs no server, and what happens when one fails, played by a small one that
 * speaks just enough of PostgreSQL's protocol. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "postgres/pg.h"
#include "base/clock.h"
#include "base/thread.h"
#include "tests/unit/check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool array_is(const char *const elements[], size_t elements_len, const char *expected)
{
    struct buf out;
    buf_init(&out, 256);
    pg_array_begin(&out);
    for (size_t i = 0; i < elements_len; i++) {
        if (elements[i])
            pg_array_add(&out, slice_from(elements[i]));
        else
            pg_array_add_null(&out);
    }
    pg_array_end(&out);
    bool same = strcmp(buf_text(&out), expected) == 0;
    if (!same)
        fprintf(stderr, "%s instead of %s\n", buf_text(&out), expected);
    buf_done(&out);
    return same;
}

TEST(pg_array, quotes_every_element)
{
    CHECK(array_is(NULL, 0, "{}"));
    CHECK(array_is((const char *[]){"a"}, 1, "{\"a\"}"));
    CHECK(array_is((const char *[]){"a", "b c"}, 2, "{\"a\",\"b c\"}"));
}

TEST(pg_array, content_is_never_syntax)
{
    CHECK(array_is((const char *[]){"", "NULL", NULL}, 3, "{\"\",\"NULL\",NULL}"));
    CHECK(array_is((const char *[]){"{", "}", ","}, 3, "{\"{\",\"}\",\",\"}"));
    CHECK(
        array_is((const char *[]){"\"", "\\", "a\\\"b"}, 3, "{\"\\\"\",\"\\\\\",\"a\\\\\\\"b\"}"));
}

TEST(pg_array, overflow_is_told_by_the_buffer)
{
    struct buf out;
    buf_init(&out, 4);
    pg_array_begin(&out);
    pg_array_add(&out, SLICE("too long"));
    pg_array_end(&out);
    CHECK(out.overflow);
    buf_done(&out);
}

TEST(pg_sqlstate, says_what_the_caller_can_do)
{
    CHECK(pg_sqlstate_code("40001") == ERR_POSTGRES_CONFLICT);
    CHECK(pg_sqlstate_code("40P01") == ERR_POSTGRES_CONFLICT);
    CHECK(pg_sqlstate_code("55P03") == ERR_POSTGRES_CONFLICT);
    CHECK(pg_sqlstate_code("23505") == ERR_EXISTS);
    CHECK(pg_sqlstate_code("42P01") == ERR_SCHEMA_MISMATCH);
    CHECK(pg_sqlstate_code("3F000") == ERR_SCHEMA_MISMATCH);
    CHECK(pg_sqlstate_code("42703") == ERR_SCHEMA_MISMATCH);
    CHECK(pg_sqlstate_code("08007") == ERR_POSTGRES_UNKNOWN);
    CHECK(pg_sqlstate_code("40003") == ERR_POSTGRES_UNKNOWN);
    CHECK(pg_sqlstate_code("08006") == ERR_POSTGRES_UNAVAILABLE);
    CHECK(pg_sqlstate_code("08P01") == ERR_POSTGRES_REFUSED);
    CHECK(pg_sqlstate_code("57P01") == ERR_POSTGRES_UNAVAILABLE);
    CHECK(pg_sqlstate_code("53100") == ERR_POSTGRES_UNAVAILABLE);
    CHECK(pg_sqlstate_code("25006") == ERR_POSTGRES_UNAVAILABLE);
    CHECK(pg_sqlstate_code("57014") == ERR_POSTGRES_REFUSED);
    CHECK(pg_sqlstate_code("42601") == ERR_POSTGRES_REFUSED);
    CHECK(pg_sqlstate_code("23503") == ERR_POSTGRES_REFUSED);
}

TEST(pg_connect, a_setting_that_cannot_be_read_does_not_show_its_password)
{
    static const char *const settings[] = {
        "postgresql://bxb:top/secret@127.0.0.1:1/bxb",
        "postgresql://bxb:top@secret@127.0.0.1:1/bxb",
        "host=127.0.0.1 password='top secret",
        "top secret",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        struct err err;
        struct pg *pg = pg_connect(settings[i], "test", "ingest", &err);
        CHECK(!pg);
        CHECK(!strstr(err.text, "top") && !strstr(err.text, "secret"));
        CHECK(err.code == ERR_SETTINGS_INVALID || settings[i][0] == '\0');
    }
}

TEST(pg_connect, a_refused_connection_is_unavailable)
{
    struct err err;
    CHECK(!pg_connect("postgresql://bxb:secret@127.0.0.1:1/bxb", "test", "ingest", &err));
    CHECK(err.code == ERR_POSTGRES_UNAVAILABLE);
    CHECK(strstr(err.text, "127.0.0.1") && !strstr(err.text, "secret"));
    CHECK(!strchr(err.text, '\n') && !strchr(err.text, '\t'));
}

/* --- A server that fails -----------------------------------------------------------------------
 */

enum fault {
    FAULT_NONE,
    FAULT_CLOSE,       /* the connection, instead of an answer */
    FAULT_FREEZE,      /* never answers */
    FAULT_ROLLED_BACK, /* COMMIT is answered ROLLBACK */
    FAULT_FATAL,       /* terminated by an administrator */
    FAULT_CONFLICT,    /* 40001 */
};

struct fake {
    int listener;
    const char *at; /* the statement that meets the fault */
    enum fault fault;
    struct thread thread;
};

static bool read_all(int fd, void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, (char *)to + done, size - done);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static void message(int fd, char type, const void *body, size_t size)
{
    uint32_t length = htonl((uint32_t)size + 4);
    struct buf out;
    buf_init(&out, 1024);
    buf_append_char(&out, type);
    buf_append(&out, &length, sizeof(length));
    buf_append(&out, body, size);
    CHECK(send(fd, out.data, out.size, MSG_NOSIGNAL) == (ssize_t)out.size);
    buf_done(&out);
}

static void complete(int fd, const char *tag, char transaction)
{
    message(fd, 'C', tag, strlen(tag) + 1);
    message(fd, 'Z', &transaction, 1);
}

/* Answers one statement. False: the connection ends. */
static bool answer(struct fake *fake, int fd, const char *sql, char *transaction)
{
    static const char fatal[] = "SFATAL\0VFATAL\0C57P01\0Mterminating connection\0";
    static const char conflict[] = "SERROR\0VERROR\0C40001\0Mcould not serialize access\0";
    enum fault fault = fake->fault;
    if (!fake->at || strncmp(sql, fake->at, strlen(fake->at)) != 0)
        fault = FAULT_NONE;
    bool ends = strcmp(sql, "COMMIT") == 0 || strcmp(sql, "ROLLBACK") == 0;
    *transaction = strcmp(sql, "BEGIN") == 0 ? 'T' : ends ? 'I' : *transaction;
    char byte;
    switch (fault) {
    case FAULT_NONE:
        complete(fd, sql, *transaction);
        return true;
    case FAULT_ROLLED_BACK:
        complete(fd, "ROLLBACK", 'I');
        return true;
    case FAULT_FREEZE:
        return read_all(fd, &byte, 1) && false; /* until the client gives up */
    case FAULT_FATAL:
        message(fd, 'E', fatal, sizeof(fatal));
        return false;
    case FAULT_CONFLICT:
        *transaction = *transaction == 'T' ? 'E' : 'I';
        message(fd, 'E', conflict, sizeof(conflict));
        message(fd, 'Z', transaction, 1);
        return true;
    case FAULT_CLOSE:
        break;
    }
    return false;
}

static void serve(void *arg)
{
    struct fake *fake = arg;
    int fd = accept(fake->listener, NULL, NULL);
    uint32_t length;
    char body[4096], sql[4096] = "", transaction = 'I';
    CHECK(fd >= 0 && read_all(fd, &length, 4) && read_all(fd, body, ntohl(length) - 4));
    message(fd, 'R', "\0\0\0\0", 4);
    message(fd, 'Z', "I", 1);
    for (char type; read_all(fd, &type, 1) && type != 'X';) {
        CHECK(read_all(fd, &length, 4) && ntohl(length) - 4 <= sizeof(body));
        CHECK(read_all(fd, body, ntohl(length) - 4));
        if (type == 'P') { /* Parse: name, then the statement */
            snprintf(sql, sizeof(sql), "%s", body + strlen(body) + 1);
            message(fd, '1', NULL, 0);
        } else if (type == 'B') {
            message(fd, '2', NULL, 0);
        } else if (type == 'D') {
            message(fd, 'n', NULL, 0);
        } else if (type == 'Q') {
            snprintf(sql, sizeof(sql), "%s", body);
        }
        if ((type == 'Q' || type == 'S') && !answer(fake, fd, sql, &transaction))
            break;
    }
    close(fd);
}

static struct pg *fake_start(struct fake *fake, const char *at, enum fault fault)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    *fake = (struct fake){.listener = socket(AF_INET, SOCK_STREAM, 0), .at = at, .fault = fault};
    CHECK(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(fake->listener, 1) == 0);
    CHECK(getsockname(fake->listener, (struct sockaddr *)&address, &size) == 0);
    thread_start(&fake->thread, "fake", serve, fake);
    char conninfo[128];
    snprintf(conninfo, sizeof(conninfo),
             "host=127.0.0.1 port=%u user=u dbname=d sslmode=disable gssencmode=disable",
             ntohs(address.sin_port));
    struct err err;
    struct pg *pg = pg_connect(conninfo, "test", "ingest", &err);
    if (!pg)
        fprintf(stderr, "%s\n", err.text);
    CHECK(pg);
    return pg;
}

static void fake_stop(struct fake *fake, struct pg *pg)
{
    pg_free(pg);
    thread_join(&fake->thread);
    close(fake->listener);
}

TEST(pg, a_transaction_commits)
{
    struct fake fake;
    struct err err;
    struct pg *pg = fake_start(&fake, NULL, FAULT_NONE);
    CHECK(pg_begin(pg, &err));
    CHECK(pg_query(pg, "UPDATE 3", NULL, 0, NULL, &err));
    CHECK(pg_affected(pg) == 3);
    CHECK(pg_commit(pg, &err));
    CHECK(pg_alive(pg));
    fake_stop(&fake, pg);
}

TEST(pg, a_connection_lost_in_commit_leaves_the_outcome_unknown)
{
    static const enum fault faults[] = {FAULT_CLOSE, FAULT_FATAL};
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct fake fake;
        struct err err;
        struct pg *pg = fake_start(&fake, "COMMIT", faults[i]);
        CHECK(pg_begin(pg, &err));
        CHECK(pg_query(pg, "UPDATE 1", NULL, 0, NULL, &err));
        CHECK(!pg_commit(pg, &err));
        CHECK(err.code == ERR_POSTGRES_UNKNOWN);
        CHECK(!pg_alive(pg));
        CHECK(!pg_query(pg, "SELECT 1", NULL, 0, NULL, &err));
        CHECK(err.code == ERR_POSTGRES_UNAVAILABLE);
        fake_stop(&fake, pg);
    }
}

TEST(pg, a_connection_lost_before_commit_changed_nothing)
{
    struct fake fake;
    struct err err;
    struct pg *pg = fake_start(&fake, "UPDATE", FAULT_CLOSE);
    CHECK(pg_begin(pg, &err));
    CHECK(!pg_query(pg, "UPDATE 1", NULL, 0, NULL, &err));
    CHECK(err.code == ERR_POSTGRES_UNAVAILABLE);
    pg_rollback(pg);
    CHECK(!pg_commit(pg, &err));
    CHECK(err.code == ERR_POSTGRES_UNAVAILABLE);
    fake_stop(&fake, pg);
}

TEST(pg, a_lone_change_whose_answer_is_lost_is_unknown_and_a_lone_question_is_not)
{
    struct fake fake;
    struct err err;
    struct pg *pg = fake_start(&fake, "UPDATE", FAULT_CLOSE);
    CHECK(!pg_query(pg, "UPDATE 1", NULL, 0, NULL, &err));
    CHECK(err.code == ERR_POSTGRES_UNKNOWN);
    fake_stop(&fake, pg);
    pg = fake_start(&fake, "SELECT 1", FAULT_CLOSE);
    CHECK(!pg_query(pg, "SELECT 1", NULL, 0, NULL, &err));
    CHECK(err.code == ERR_POSTGRES_UNAVAILABLE);
    fake_stop(&fake, pg);
}

TEST(pg, a_frozen_server_costs_the_connection_and_not_the_thread)
{
    struct fake fake;
    struct err err;
    struct pg *pg = fake_start(&fake, "COMMIT", FAULT_FREEZE);
    CHECK(pg_begin(pg, &err));
    pg_set_timeout(pg, 200);
    int64_t began_mono_ms = clock_mono_ms();
    CHECK(!pg_commit(pg, &err));
    CHECK(clock_mono_ms() - began_mono_ms >= 200);
    CHECK(clock_mono_ms() - began_mono_ms < 10000);
    CHECK(err.code == ERR_POSTGRES_UNKNOWN);
    CHECK(!pg_alive(pg));
    fake_stop(&fake, pg);
}

TEST(pg, a_commit_that_rolled_back_is_no_success)
{
    struct fake fake;
    struct err err;
    struct pg *pg = fake_start(&fake, "COMMIT", FAULT_ROLLED_BACK);
    CHECK(pg_begin(pg, &err));
    CHECK(!pg_commit(pg, &err));
    CHECK(err.code == ERR_POSTGRES_REFUSED);
    CHECK(pg_alive(pg));
    fake_stop(&fake, pg);
}

TEST(pg, a_conflict_keeps_the_connection_for_another_try)
{
    struct fake fake;
    struct err err;
    struct pg *pg = fake_start(&fake, "UPDATE", FAULT_CONFLICT);
    CHECK(pg_begin(pg, &err));
    CHECK(!pg_query(pg, "UPDATE 1", NULL, 0, NULL, &err));
    CHECK(err.code == ERR_POSTGRES_CONFLICT);
    CHECK(strstr(err.text, "40001"));
    pg_rollback(pg);
    CHECK(pg_alive(pg));
    CHECK(pg_begin(pg, &err));
    CHECK(pg_commit(pg, &err));
    fake_stop(&fake, pg);
}
