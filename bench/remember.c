/* bench-remember: segments as a writer leaves them that has stored many events, and what its ledger
 * must say of them.
 *
 *     bench-remember --directory DIR --lane ID --secret HEX --ids N --batch N [--partitions 12]
 *                    [--incarnation 0] [--hours 47]
 *
 * The ids are spread evenly over the hours before now, and over the partitions. Prints a line
 * "INTENT_ID STORED COMPLETED_MS" for each batch. See scene.py for what becomes of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "bench/random_id.h"
#include "dedup/segments.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
    const char *directory;
    uint8_t secret[SIPHASH_KEY_SIZE];
    uint64_t ids, batch, lane, partitions, incarnation, hours;
};

static _Noreturn void fail(const char *why)
{
    fprintf(stderr, "bench-remember: %s\n", why);
    exit(2);
}

/* One batch: a stamp for each partition, its share of the ids in it. Returns the number behind its
 * last id. */
static uint64_t write_batch(struct segments *segments, const struct options *options,
                            struct segment_stamp *stamp, struct seen_id ids[], uint64_t number)
{
    struct err err;
    uint64_t end = number + options->batch < options->ids ? number + options->batch : options->ids;
    for (uint32_t p = 0; p < options->partitions; p++) {
        uint64_t left = options->partitions - p;
        stamp->partition = p;
        stamp->ids_len = (uint32_t)((end - number + left - 1) / left);
        if (stamp->ids_len == 0)
            continue;
        for (uint32_t i = 0; i < stamp->ids_len; i++)
            ids[i] = random_id(number++);
        if (!segments_append(segments, stamp, ids, &err))
            fail(err.text);
    }
    return number;
}

static void write_all(const struct options *options)
{
    struct err err;
    struct seen_key key;
    seen_key_init(&key, options->secret);
    CLEANUP(mem_freep)
    char *path =
        xasprintf("%s/lane%" PRIu64 "-%016" PRIx64, options->directory, options->lane, key.id);
    if (mkdir(options->directory, 0700) != 0 && access(options->directory, W_OK) != 0)
        fail("the directory cannot be made");
    struct segments *segments = segments_open(path, &err);
    if (!segments)
        fail(err.text);
    CLEANUP(mem_freep) struct seen_id *ids = xcalloc(options->batch, sizeof *ids);
    int64_t now_ms = clock_wall_ms(), span_ms = (int64_t)options->hours * 3600 * 1000;
    for (uint64_t number = 0, batch = 0; number < options->ids; batch++) {
        uint64_t from = number;
        struct segment_stamp stamp = {
            .stamps = (uint32_t)options->partitions,
            .key_id = key.id,
            .appended_ms = now_ms - span_ms +
                           (int64_t)((double)span_ms * (double)number / (double)options->ids),
            .incarnation = (uint32_t)options->incarnation,
        };
        /* As random as a name that is made of a digest: neighbours in time are none in the ledger.
         */
        snprintf(stamp.intent_id, sizeof stamp.intent_id,
                 "%08" PRIx32 "-%04" PRIx64 "-4000-8000-%012" PRIx64,
                 (uint32_t)random_id(batch).stored, batch >> 48 & 0xffff,
                 batch & UINT64_C(0xffffffffffff));
        number = write_batch(segments, options, &stamp, ids, number);
        printf("%s\t%" PRIu64 "\t%" PRId64 "\n", stamp.intent_id, number - from, stamp.appended_ms);
    }
    segments_close(segments);
}

static _Noreturn void usage(void)
{
    fputs("usage: bench-remember --directory DIR --lane ID --secret HEX --ids N --batch N\n"
          "                      [--partitions N] [--incarnation N] [--hours N]\n",
          stderr);
    exit(64);
}

static uint64_t read_number(const char *text, uint64_t max)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || number > max)
        usage();
    return number;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"directory", required_argument, NULL, 'd'},
                                          {"lane", required_argument, NULL, 'l'},
                                          {"secret", required_argument, NULL, 's'},
                                          {"ids", required_argument, NULL, 'i'},
                                          {"batch", required_argument, NULL, 'b'},
                                          {"partitions", required_argument, NULL, 'p'},
                                          {"incarnation", required_argument, NULL, 'n'},
                                          {"hours", required_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options o = {.partitions = 12, .hours = 47};
    bool secret = false;
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (option) {
        case 'd':
            o.directory = optarg;
            break;
        case 'l':
            o.lane = read_number(optarg, INT32_MAX);
            break;
        case 's':
            secret = digest_from_hex(slice_from(optarg), o.secret, sizeof o.secret);
            break;
        case 'i':
            o.ids = read_number(optarg, UINT64_C(10000000000));
            break;
        case 'b':
            o.batch = read_number(optarg, 1000000);
            break;
        case 'p':
            o.partitions = read_number(optarg, 65536);
            break;
        case 'n':
            o.incarnation = read_number(optarg, 65535);
            break;
        case 'h':
            o.hours = read_number(optarg, 8760);
            break;
        default:
            usage();
        }
    }
    if (!o.directory || !secret || !o.ids || !o.batch || !o.partitions || !o.hours ||
        optind != argc)
        usage();
    write_all(&o);
    return 0;
}
