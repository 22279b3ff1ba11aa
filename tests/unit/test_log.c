/* Log lines: quoting, JSON, repetition. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/log.h"
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What `speak` writes to stderr, as text owned by the caller. */
static char *heard(void (*speak)(void))
{
    FILE *aside = tmpfile();
    int before = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(aside), STDERR_FILENO);
    speak();
    dup2(before, STDERR_FILENO);
    close(before);
    long size = ftell(aside) >= 0 ? lseek(fileno(aside), 0, SEEK_END) : 0;
    char *text = xcalloc(1, (size_t)size + 1);
    CHECK(pread(fileno(aside), text, (size_t)size, 0) == size);
    fclose(aside);
    return text;
}

static void speak_logfmt(void)
{
    struct err err;
    err_set(&err, ERR_IO, "cannot \"read\"");
    log_setup("bxb-test", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    log_debug(READY, log_str("hidden", "yes"));
    log_info(READY, log_str("plain", "word"), log_str("spaced", "two words"),
             log_str("line", "a\nb"), log_u64("n", 7), log_i64("m", -7), log_error_of(&err));
}

TEST(log, writes_logfmt_on_one_line)
{
    char *text = heard(speak_logfmt);
    CHECK(strstr(text, "hidden") == NULL);
    CHECK(strstr(text, " level=info program=bxb-test event=ready plain=word spaced=\"two words\" "
                       "line=\"a\\nb\" n=7 m=-7 code=io error=\"cannot \\\"read\\\"\"\n") != NULL);
    CHECK(strchr(text, '\n') == text + strlen(text) - 1);
    free(text);
}

static void speak_json(void)
{
    log_setup("bxb-test", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_warning(STOPPING, log_slice("bytes", SLICE("a\xFF\xC3\xA4")), log_u64("n", 7));
}

TEST(log, writes_json_that_is_always_utf8)
{
    char *text = heard(speak_json);
    CHECK(strncmp(text, "{\"time\":\"", 9) == 0);
    CHECK(strstr(text, "\"event\":\"stopping\",\"bytes\":\"a\xEF\xBF\xBD\xC3\xA4\",\"n\":7}\n"));
    free(text);
}

static void speak_often(void)
{
    log_setup("bxb-test", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    for (int i = 0; i < 100; i++)
        log_error(DELIVERY_FAILED);
    log_error(BROKER);
}

TEST(log, holds_repetition_back)
{
    char *text = heard(speak_often);
    int lines = 0;
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    CHECK(lines == LOG_BURST + 1);
    CHECK(strstr(text, "event=broker\n") != NULL);
    free(text);
}
