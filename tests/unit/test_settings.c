/* Settings: precedence, ranges, secrets, the environment. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/settings.h"
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *printed(const struct settings *settings)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    settings_print(settings, out);
    fclose(out);
    return text;
}

/* The name of a new file with this content; the caller removes and frees it. */
static char *file_with(const char *content)
{
    char *path = xstrdup("/tmp/bxb-test-settings-XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
    close(fd);
    return path;
}

TEST(settings, have_the_defaults_of_the_table)
{
    struct settings settings;
    settings_init(&settings);
    CHECK(strcmp(settings.events_topic, "billing-events") == 0);
    CHECK(settings.events_max_age == 35LL * 86400000);
    CHECK(settings.server_request_max == 16u << 20);
    CHECK(strcmp(settings.log_format, "logfmt") == 0);
    struct err err;
    CHECK(settings_check(&settings, &err));
    settings_done(&settings);
}

TEST(settings, refuse_what_is_out_of_range)
{
    static const char *const rows[][2] = {
        {"events.max_age", "5"},
        {"events.max_age", "0s"},
        {"server.request_max", "1"},
        {"server.request_max", "16MB"},
        {"log.format", "xml"},
        {"log.format", "logfmt|json"},
        {"log.format", ""},
        {"server.threads", "-1"},
        {"server.threads", "2 "},
        {"kafka.acks", "1"},
        {"kafka.enable.idempotence", "false"},
    };
    struct settings settings;
    settings_init(&settings);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err;
        CHECK(!settings_set(&settings, rows[i][0], rows[i][1], &err));
        CHECK(err.code == ERR_SETTINGS_INVALID);
        CHECK(strstr(err.text, rows[i][0]) != NULL);
    }
    CHECK(settings.events_max_age == 35LL * 86400000);
    settings_done(&settings);
}

TEST(settings, name_a_key_that_does_not_exist)
{
    struct settings settings;
    struct err err;
    settings_init(&settings);
    CHECK(!settings_set(&settings, "server.treads", "2", &err));
    CHECK(err.code == ERR_SETTINGS_UNKNOWN);
    CHECK(!settings_set(&settings, "kafka.", "2", &err));
    CHECK(err.code == ERR_SETTINGS_UNKNOWN);
    settings_done(&settings);
}

TEST(settings, come_from_a_file_with_line_numbers)
{
    char *good = file_with("# comment\n\n events.max_age = 3d \nkafka.linger.ms=7\n");
    char *bad = file_with("events.max_age = 3d\nevents.max_agee = 3d\n");
    struct settings settings;
    struct err err;
    settings_init(&settings);
    CHECK(settings_read_file(&settings, good, &err));
    CHECK(settings.events_max_age == 3LL * 86400000);
    CHECK(settings.kafka_properties_len == 1);
    CHECK(strcmp(settings.kafka_properties[0].name, "linger.ms") == 0);
    CHECK(strcmp(settings.kafka_properties[0].value, "7") == 0);
    CHECK(!settings_read_file(&settings, bad, &err));
    CHECK(strstr(err.text, ":2: events.max_agee") != NULL);
    CHECK(!settings_read_file(&settings, "/nowhere/bxb.conf", &err));
    CHECK(err.code == ERR_IO);
    settings_done(&settings);
    unlink(good);
    unlink(bad);
    free(good);
    free(bad);
}

static int warnings;
static void warn(const char *name)
{
    CHECK(strcmp(name, "BXB_EVENTS_MAXAGE") == 0);
    warnings++;
}

TEST(settings, come_from_the_environment)
{
    warnings = 0;
    setenv("BXB_EVENTS_MAX_AGE", "2d", 1);
    setenv("BXB_EVENTS_MAXAGE", "1d", 1); /* unknown */
    setenv("BXB_LOCAL", "dir", 1);        /* belongs to the scripts */
    setenv("BXB_KAFKA_LINGER_MS", "9", 1);
    setenv("BXB_KAFKA", "broker:1", 1);
    struct settings settings;
    struct err err;
    settings_init(&settings);
    CHECK(settings_read_environment(&settings, warn, &err));
    CHECK(warnings == 1);
    CHECK(settings.events_max_age == 2LL * 86400000);
    CHECK(strcmp(settings.kafka, "broker:1") == 0);
    CHECK(strcmp(settings.kafka_properties[0].name, "linger.ms") == 0);
    setenv("BXB_EVENTS_MAX_AGE", "x", 1);
    CHECK(!settings_read_environment(&settings, warn, &err));
    CHECK(strstr(err.text, "BXB_EVENTS_MAX_AGE: ") == err.text);
    unsetenv("BXB_EVENTS_MAX_AGE");
    unsetenv("BXB_EVENTS_MAXAGE");
    unsetenv("BXB_LOCAL");
    unsetenv("BXB_KAFKA_LINGER_MS");
    unsetenv("BXB_KAFKA");
    settings_done(&settings);
}

TEST(settings, keep_secrets_to_themselves)
{
    char *path = file_with("bxb_live_secret\nsecond line\n");
    struct settings settings;
    struct err err;
    settings_init(&settings);
    CHECK(settings_set(&settings, "api_key_file", path, &err));
    CHECK(strcmp(settings.api_key, "bxb_live_secret") == 0);
    CHECK(settings_set(&settings, "kafka.sasl.password", "hidden", &err));
    char *text = printed(&settings);
    CHECK(strstr(text, "secret") == NULL);
    CHECK(strstr(text, "hidden") == NULL);
    CHECK(strstr(text, "api_key = (set)") != NULL);
    CHECK(!settings_set(&settings, "api_key_file", "/nowhere", &err));
    CHECK(err.code == ERR_IO);
    CHECK(!settings_set(&settings, "kafka_file", path, &err)); /* not a secret: no such twin */
    free(text);
    unlink(path);
    free(path);
    settings_done(&settings);
}

TEST(settings, reload_only_what_is_reloadable)
{
    struct settings settings, fresh;
    struct err err;
    settings_init(&settings);
    settings_init(&fresh);
    CHECK(settings_set(&fresh, "events.max_age", "1d", &err));
    CHECK(settings_set(&fresh, "server.threads", "9", &err));
    settings_reload(&settings, &fresh);
    CHECK(settings.events_max_age == 86400000);
    CHECK(settings.server_threads == 2);
    settings_done(&fresh);
    settings_done(&settings);
}

TEST(settings, check_rules_that_span_settings)
{
    struct settings settings;
    struct err err;
    settings_init(&settings);
    CHECK(settings_set(&settings, "server.request_max", "2KiB", &err));
    CHECK(!settings_check(&settings, &err));
    CHECK(err.code == ERR_SETTINGS_INVALID);
    settings_done(&settings);
}
