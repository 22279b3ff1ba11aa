/* Clients that are too slow, on real connections; the time is given.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/client.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "tests/unit/check.h"
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct limits limits;
    struct clients clients;
    struct client *client;
    int ours, theirs;
    int64_t now_ms;
};

static void set_up(struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    *fixture = (struct fixture){.limits = {.header_timeout_ms = 1000,
                                           .body_timeout_ms = 2000,
                                           .answer_timeout_ms = 3000,
                                           .rate_min = 100}};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    fixture->theirs = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fixture->theirs, (struct sockaddr *)&address, size) == 0);
    fixture->ours = accept(listener, NULL, NULL);
    close(listener);
    fixture->now_ms = clock_mono_ms();
    fixture->clients.limits = &fixture->limits;
    fixture->clients.now_ms = fixture->now_ms;
    fixture->client = client_new(&fixture->clients, fixture->ours);
}

static void tear_down(struct fixture *fixture)
{
    client_free(&fixture->clients, fixture->client);
    CHECK(fixture->clients.first == NULL);
    close(fixture->ours);
    close(fixture->theirs);
}

/* What the client has after so long in its phase: whether it was cut. */
static bool cut_after(struct fixture *fixture, int64_t ms)
{
    clients_look(&fixture->clients, fixture->now_ms + ms);
    return fixture->client->phase == CLIENT_CUT;
}

TEST(client, headers_that_do_not_end_are_answered_408)
{
    struct fixture fixture;
    char answer[1024] = "";
    int64_t before = metrics_get(METRIC_SERVER_CLIENTS_CUT_HEADERS);
    set_up(&fixture);
    CHECK(!cut_after(&fixture, 900));
    CHECK(cut_after(&fixture, 1600));
    CHECK(read(fixture.theirs, answer, sizeof(answer) - 1) > 0);
    CHECK(strncmp(answer, "HTTP/1.1 408 ", 13) == 0 && strstr(answer, "request_timeout"));
    CHECK(read(fixture.theirs, answer, sizeof(answer)) == 0);
    CHECK(metrics_get(METRIC_SERVER_CLIENTS_CUT_HEADERS) == before + 1);
    tear_down(&fixture);
}

TEST(client, a_body_that_moves_has_longer)
{
    struct fixture fixture;
    set_up(&fixture);
    client_enter(fixture.client, CLIENT_BODY);
    client_move(fixture.client, 300); /* three seconds more */
    CHECK(!cut_after(&fixture, 4900));
    CHECK(cut_after(&fixture, 5600));
    tear_down(&fixture);
}

TEST(client, an_answer_that_nobody_takes_is_dropped)
{
    struct fixture fixture;
    char byte;
    set_up(&fixture);
    client_enter(fixture.client, CLIENT_ANSWER);
    CHECK(!cut_after(&fixture, 600));
    CHECK(!cut_after(&fixture, 3500));
    CHECK(cut_after(&fixture, 4200));
    CHECK(read(fixture.theirs, &byte, 1) <= 0);
    tear_down(&fixture);
}

TEST(client, who_takes_an_answer_at_the_least_rate_is_left_alone)
{
    struct fixture fixture;
    char part[400] = "";
    set_up(&fixture);
    client_enter(fixture.client, CLIENT_ANSWER);
    CHECK(!cut_after(&fixture, 600));
    for (int64_t ms = 3600; ms < 30000; ms += 3000) {
        CHECK(write(fixture.ours, part, sizeof(part)) == sizeof(part));
        CHECK(read(fixture.theirs, part, sizeof(part)) == sizeof(part));
        CHECK(!cut_after(&fixture, ms));
    }
    tear_down(&fixture);
}

TEST(client, our_own_turn_and_an_idle_client_have_no_deadline_here)
{
    struct fixture fixture;
    set_up(&fixture);
    client_enter(fixture.client, CLIENT_SERVED);
    CHECK(!cut_after(&fixture, 1000000));
    client_enter(fixture.client, CLIENT_IDLE);
    for (int64_t ms = 2000000; ms < 2100000; ms += 500)
        CHECK(!cut_after(&fixture, ms));
    tear_down(&fixture);
}

TEST(client, an_idle_client_that_sends_byte_by_byte_is_cut)
{
    struct fixture fixture;
    int64_t ms = 0;
    set_up(&fixture);
    client_enter(fixture.client, CLIENT_IDLE);
    /* Entering a phase takes the real time: far enough from it for the deadline to be over. */
    while (fixture.client->phase == CLIENT_IDLE && ms < 10000) {
        CHECK(write(fixture.theirs, "G", 1) == 1);
        CHECK(!cut_after(&fixture, ms += 500));
    }
    CHECK(fixture.client->phase == CLIENT_HEADERS && ms <= 2000);
    CHECK(cut_after(&fixture, ms + 1600));
    tear_down(&fixture);
}

TEST(client, an_idle_client_that_has_closed_is_let_go)
{
    struct fixture fixture;
    set_up(&fixture);
    client_enter(fixture.client, CLIENT_IDLE);
    CHECK(shutdown(fixture.theirs, SHUT_WR) == 0);
    CHECK(cut_after(&fixture, 600));
    tear_down(&fixture);
}

TEST(client, no_deadline_when_none_is_set)
{
    struct fixture fixture;
    set_up(&fixture);
    fixture.limits = (struct limits){0};
    CHECK(!cut_after(&fixture, 1000000));
    tear_down(&fixture);
}
