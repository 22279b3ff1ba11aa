/* What is allowed of a table, but should be known.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/table.h"

/* Major and minor version of the servers that all tests were run with. */
static const char *const checked_versions[] = {"26.7"};

static bool version_was_checked(const char *version)
{
    for (size_t i = 0; i < ARRAY_LEN(checked_versions); i++) {
        size_t size = strlen(checked_versions[i]);
        if (strncmp(version, checked_versions[i], size) == 0 && version[size] == '.')
            return true;
    }
    return false;
}

static bool is_written(const char *name, const struct ch_wanted wanted[], size_t wanted_len)
{
    for (size_t i = 0; i < wanted_len; i++)
        if (strcmp(wanted[i].name, name) == 0)
            return true;
    return false;
}

void ch_table_risks(const struct ch_table *table, const struct ch_wanted wanted[],
                    size_t wanted_len, struct buf *out)
{
    if (!version_was_checked(table->server_version))
        buf_printf(out, "ClickHouse %s was not tried; the versions that were begin with %s\n",
                   table->server_version, checked_versions[0]);
    if (ch_table_replicated(table))
        buf_printf(out,
                   "it is a %s: the tests did not run with replicas; name one replica in "
                   "clickhouse_url, because a block that this one lacks is waited for\n",
                   table->engine);
    if (table->views[0] != '\0')
        buf_printf(
            out,
            "materialized views read its INSERTs (%s): one that fails makes INSERTs doubtful "
            "or stops the lane, and may miss rows that the table has\n",
            table->views);
    if (table->constraints[0] != '\0')
        buf_printf(out, "it has CHECK constraints (%s): a block that breaks one stops the lane\n",
                   table->constraints);
    if (table->deletes_by_ttl)
        buf_append_str(out, "its TTL may remove rows: they are missing in what is billed, and in a "
                            "table that replaces no rows a lane stops where it reads them back\n");
    for (size_t i = 0; i < table->columns_len; i++) {
        const struct ch_column *column = &table->columns[i];
        if (column->computed && strcmp(column->default_kind, "ALIAS") != 0 &&
            !is_written(column->name, wanted, wanted_len))
            buf_printf(out,
                       "it computes the column %s itself: an expression that fails stops the "
                       "lane\n",
                       column->name);
    }
}
