/* How many partitions events go to, as a snapshot and its file have it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/catalog.h"
#include "catalog/snapshot.h"
#include "tests/unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Writes a snapshot with this decision (0: none) and returns what is read back. */
static struct catalog_snapshot *through_a_file(uint32_t partitions)
{
    struct err err;
    char directory[] = "/tmp/test-catalog-topic-XXXXXX", path[64];
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof(path), "%s/catalog", directory);
    struct catalog_snapshot *snapshot = snapshot_new(7);
    if (partitions > 0)
        CHECK(snapshot_set_topic(snapshot, SLICE("cluster"), partitions, &err));
    CHECK(snapshot_seal(snapshot, &err));
    CHECK(snapshot_file_write(path, snapshot, &err));
    catalog_release(snapshot);
    int64_t current_wall_ms;
    snapshot = snapshot_file_read(path, &current_wall_ms, &err);
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
    return snapshot;
}

TEST(catalog_topic, the_file_keeps_the_partitions_in_use_of_one_cluster)
{
    struct catalog_snapshot *snapshot = through_a_file(12);
    CHECK(snapshot != NULL);
    CHECK(catalog_partitions(snapshot, SLICE("cluster")) == 12);
    CHECK(catalog_partitions(snapshot, SLICE("another")) == 0);
    catalog_release(snapshot);
}

TEST(catalog_topic, nothing_is_known_where_nobody_decided)
{
    struct catalog_snapshot *snapshot = through_a_file(0);
    CHECK(snapshot != NULL);
    CHECK(catalog_partitions(snapshot, SLICE("cluster")) == 0);
    catalog_release(snapshot);
}

TEST(catalog_topic, a_number_that_no_topic_has_makes_the_file_unusable)
{
    CHECK(through_a_file(70000) == NULL);
}
