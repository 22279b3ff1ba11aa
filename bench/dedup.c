/* bench-dedup: what it costs to remember an id, and to ask for one, beside one random read of a
 * memory of the same size that misses the caches.
 *
 *     bench-dedup [--ids N] [--directory DIR]
 *
 * Prints one JSON object: bytes of memory an id; nanoseconds of CPU for an id hashed, added
 * (growth included, 100,000 at a time), checked (half of them known, 1,000 at a time), written to
 * segments and read back; and for a read of the floor. Segments are written below DIR and removed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/mem.h"
#include "bench/random_id.h"
#include "dedup/seen_load.h"
#include "dedup/segments.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 1000,      /* ids of a check */
    ENTERED = 100000,  /* ids added at a time: a batch of the writer */
    STAMP_LEN = 10000, /* ids of a stamp: a batch's share of one partition */
    PARTITIONS = 12,
    ASKED = 4000000, /* checks, and reads of the floor */
};

static const int64_t window_ms = INT64_C(48) * 3600 * 1000;
static const uint64_t memory_max = UINT64_C(16) << 30;

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void fill(struct seen_id ids[], size_t len, uint64_t from, uint64_t step)
{
    for (size_t i = 0; i < len; i++)
        ids[i] = random_id(from + i * step);
}

static double measure_hash(void)
{
    struct seen_key key;
    seen_key_init(&key, (const uint8_t *)"0123456789abcdef");
    char transaction[] = "0190a5b2-7c3d-7e4f-8a9b-00000000";
    uint64_t sum = 0;
    double begin = cpu_ns();
    for (unsigned i = 0; i < ASKED; i++) {
        memcpy(transaction + sizeof transaction - 5, &i, sizeof i);
        sum += seen_id_of(&key, SLICE("0190a5b2-7c3d-7e4f-8a9b-0c1d2e3f4a5b"),
                          (struct slice){transaction, sizeof transaction - 1})
                   .stored;
    }
    double ns = (cpu_ns() - begin) / ASKED;
    ASSERT(sum != 0);
    return ns;
}

static double measure_add(struct seen *seen, uint64_t len)
{
    struct seen_load load;
    seen_load_init(&load, seen, 0);
    double begin = cpu_ns();
    for (uint64_t number = 0; number < len; number++) {
        seen_load_add(&load, random_id(number), 0);
        if ((number + 1) % ENTERED == 0)
            seen_load_flush(&load);
    }
    seen_load_done(&load);
    double ns = (cpu_ns() - begin) / (double)len;
    return ns;
}

/* Every other id is one that was added. */
static double measure_check(const struct seen *seen, uint64_t len)
{
    struct seen_id ids[BATCH];
    bool known[BATCH];
    uint64_t hits = 0, at = 0;
    double spent = 0;
    for (size_t asked = 0; asked < ASKED; asked += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            at = (at + UINT64_C(0x9e3779b97f4a7c15)) % len;
            ids[i] = random_id(i % 2 ? at : at + len);
        }
        double begin = cpu_ns();
        seen_check(seen, ids, BATCH, known);
        spent += cpu_ns() - begin;
        for (size_t i = 0; i < BATCH; i++)
            hits += known[i];
    }
    ASSERT(hits == ASKED / 2);
    return spent / ASKED;
}

/* Reads at random, each place told by the read before it. */
static double measure_floor(uint64_t size)
{
    size_t len = size / sizeof(uint64_t);
    uint64_t *words = xmalloc(len * sizeof *words);
    for (size_t i = 0; i < len; i++)
        words[i] = random_id(i).stored;
    uint64_t at = 0;
    double begin = cpu_ns();
    for (size_t i = 0; i < ASKED; i++)
        at = words[(uint64_t)((unsigned __int128)(at ^ i * 0x9e3779b97f4a7c15) * len >> 64)];
    double ns = (cpu_ns() - begin) / ASKED;
    ASSERT(at != 0);
    mem_freep(&words);
    return ns;
}

static double measure_write(struct segments *segments, uint64_t len)
{
    struct err err;
    struct seen_id *ids = xcalloc(STAMP_LEN, sizeof *ids);
    uint64_t step_ms = (uint64_t)window_ms / (len / STAMP_LEN);
    double begin = cpu_ns();
    for (uint64_t from = 0, number = 0; from < len; from += STAMP_LEN, number++) {
        struct segment_stamp stamp = {.intent_id = "bench",
                                      .partition = (uint32_t)(number % PARTITIONS),
                                      .appended_ms = (int64_t)(number * step_ms),
                                      .ids_len = STAMP_LEN};
        fill(ids, STAMP_LEN, from, 1);
        if (!segments_append(segments, &stamp, ids, &err)) {
            fprintf(stderr, "bench-dedup: %s\n", err.text);
            exit(1);
        }
    }
    mem_freep(&ids);
    return (cpu_ns() - begin) / (double)len;
}

static bool take(void *arg, const struct segment_stamp *stamp, struct slice ids)
{
    for (size_t i = 0; i < stamp->ids_len; i++)
        seen_load_add(arg, segment_id(ids, i), stamp->appended_ms);
    return true;
}

static double measure_read(struct segments *segments, uint64_t len)
{
    struct err err;
    struct segments_found found;
    struct seen seen;
    struct seen_load load;
    double begin = cpu_ns();
    seen_init(&seen, window_ms, memory_max, 0);
    seen_load_init(&load, &seen, len);
    bool good = segments_read(segments, 0, take, &load, &found, &err);
    seen_load_done(&load);
    double ns = (cpu_ns() - begin) / (double)len;
    ASSERT(good && seen.len == len && found.damaged == 0);
    seen_done(&seen);
    return ns;
}

static void measure(uint64_t len, const char *directory)
{
    struct err err;
    struct seen seen;
    seen_init(&seen, window_ms, memory_max, 0);
    double hash = measure_hash(), add = measure_add(&seen, len);
    double check = measure_check(&seen, len);
    double bytes = (double)seen.size / (double)len;
    uint64_t size = seen.size;
    seen_done(&seen);
    double floor = measure_floor(size);
    CLEANUP(mem_freep) char *path = xasprintf("%s/bench-segments", directory);
    struct segments *segments = segments_open(path, &err);
    if (!segments) {
        fprintf(stderr, "bench-dedup: %s\n", err.text);
        exit(1);
    }
    double written = measure_write(segments, len), read = measure_read(segments, len);
    if (!segments_drop(segments, INT64_MAX, &err) || rmdir(path) != 0)
        fprintf(stderr, "bench-dedup: %s is left behind\n", path);
    segments_close(segments);
    printf("{\"ids\":%" PRIu64 ",\"bytes_per_id\":%.2f,\"hash_ns\":%.1f,\"add_ns\":%.1f,"
           "\"check_ns\":%.1f,\"floor_ns\":%.1f,\"write_ns\":%.1f,\"read_ns\":%.1f}\n",
           len, bytes, hash, add, check, floor, written, read);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"ids", required_argument, NULL, 'i'},
                                            {"directory", required_argument, NULL, 'd'},
                                            {NULL, 0, NULL, 0}};
    const char *directory = ".";
    uint64_t len = 1000000;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        char none = '\0', *end = &none;
        if (option == 'i')
            len = strtoull(optarg, &end, 10);
        else if (option == 'd')
            directory = optarg;
        if (option == '?' || *end != '\0' || len == 0 || len % STAMP_LEN != 0 || optind > argc) {
            fputs("usage: bench-dedup [--ids N, in ten thousands] [--directory DIR]\n", stderr);
            return 64;
        }
    }
    measure(len, directory);
    return 0;
}
