/* A lock file and an identity file beside the engine's own. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/data.h"
#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void data_make_uuid(char ret_id[DATA_ID_SIZE])
{
    uint8_t bytes[16];
    char hex[2 * sizeof bytes + 1];
    digest_random(bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    digest_hex(bytes, sizeof bytes, hex);
    (void)snprintf(ret_id, DATA_ID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
}

static void filep_close(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

/* True when the file was there and holds an id. */
static bool read_id(const char *path, char ret_id[DATA_ID_SIZE])
{
    CLEANUP(filep_close) FILE *file = fopen(path, "re");
    return file != NULL && fread(ret_id, 1, DATA_ID_SIZE - 1, file) == DATA_ID_SIZE - 1 &&
           strspn(ret_id, "0123456789abcdef-") == DATA_ID_SIZE - 1;
}

/* Written beside its place, synced and renamed, so that it is whole or not there. */
static bool write_id(const char *path, const char *id, struct err *reterr)
{
    CLEANUP(mem_freep) char *fresh = xasprintf("%s.new", path);
    CLEANUP(filep_close) FILE *file = fopen(fresh, "we");
    if (file == NULL || fprintf(file, "%s\n", id) < 0 || fflush(file) != 0 ||
        fsync(fileno(file)) != 0 || rename(fresh, path) != 0)
        return err_set(reterr, ERR_IO, "cannot write %s: %m", path);
    return true;
}

static bool take_lock(struct data *data, const char *directory, struct err *reterr)
{
    CLEANUP(mem_freep) char *path = xasprintf("%s/bxb-clickhouse.lock", directory);
    data->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (data->lock < 0)
        return err_set(reterr, ERR_IO, "cannot open %s: %m", path);
    if (flock(data->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    return errno == EWOULDBLOCK
               ? err_set(reterr, ERR_IO, "%s is in use by another bxb-clickhouse", directory)
               : err_set(reterr, ERR_IO, "cannot lock %s: %m", path);
}

bool data_open(struct data *data, const char *directory, struct err *reterr)
{
    *data = (struct data){.lock = -1};
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return err_set(reterr, ERR_IO, "cannot make the directory %s: %m", directory);
    if (!take_lock(data, directory, reterr))
        return false;
    CLEANUP(mem_freep) char *path = xasprintf("%s/bxb-clickhouse.id", directory);
    if (read_id(path, data->id))
        return true;
    data_make_uuid(data->id);
    return write_id(path, data->id, reterr);
}

void data_close(struct data *data)
{
    if (data->lock >= 0)
        (void)close(data->lock);
    data->lock = -1;
}
