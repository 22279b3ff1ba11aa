/* Segments in a directory. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "dedup/segments.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MS_PER_HOUR = 3600000,
    NAME_SIZE = 48,
    STAMP_MAX = 1 << 30,
};

struct segments {
    char *directory; /* owned */
    int fd;          /* of the directory */
    struct buf out;
};

struct file {
    uint32_t partition;
    int64_t hour;
    uint64_t size;
};

struct files {
    struct file *list; /* owned */
    size_t len, capacity;
};

static void files_done(struct files *files)
{
    mem_freep(&files->list);
}

static bool io_error(struct err *reterr, const struct segments *segments, const char *name)
{
    return err_set(reterr, ERR_IO, "segment %s/%s: %m", segments->directory, name);
}

static int64_t hour_of(int64_t ms)
{
    return ms < 0 ? 0 : ms / MS_PER_HOUR;
}

static void name_of(uint32_t partition, int64_t hour, char ret_name[NAME_SIZE])
{
    snprintf(ret_name, NAME_SIZE, "p%05" PRIu32 "-h%09" PRId64 ".seg", partition, hour);
}

/* False for a name that is none of ours. */
static bool read_name(const char *name, struct file *ret_file)
{
    char same[NAME_SIZE];
    struct file file = {.size = 0};
    if (sscanf(name, "p%" SCNu32 "-h%" SCNd64 ".seg", &file.partition, &file.hour) != 2)
        return false;
    name_of(file.partition, file.hour, same);
    *ret_file = file;
    return strcmp(name, same) == 0;
}

struct segments *segments_open(const char *directory, struct err *reterr)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        err_set(reterr, ERR_IO, "directory %s: %m", directory);
        return NULL;
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        err_set(reterr, ERR_IO, "directory %s: %m", directory);
        return NULL;
    }
    struct segments *segments = xcalloc(1, sizeof *segments);
    segments->directory = xstrdup(directory);
    segments->fd = fd;
    buf_init(&segments->out, STAMP_MAX);
    return segments;
}

void segments_close(struct segments *segments)
{
    if (!segments)
        return;
    close(segments->fd);
    buf_done(&segments->out);
    mem_freep(&segments->directory);
    mem_freep(&segments);
}

/* Writing */

bool segments_append(struct segments *segments, const struct segment_stamp *stamp,
                     const struct seen_id ids[], struct err *reterr)
{
    char name[NAME_SIZE];
    name_of(stamp->partition, hour_of(stamp->appended_ms), name);
    buf_reset(&segments->out);
    segment_append(&segments->out, stamp, ids);
    if (segments->out.overflow)
        return err_set(reterr, ERR_IO, "segment %s: more than 1 GiB at once", name);
    int fd = openat(segments->fd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_error(reterr, segments, name);
    ssize_t written = write(fd, segments->out.data, segments->out.size);
    bool good = written == (ssize_t)segments->out.size;
    if (!good && written >= 0)
        errno = ENOSPC; /* a part: the file system is full */
    if (!good)
        io_error(reterr, segments, name);
    close(fd);
    return good;
}

/* Listing */

static int by_hour(const void *left, const void *right)
{
    const struct file *a = left, *b = right;
    if (a->hour != b->hour)
        return a->hour < b->hour ? -1 : 1;
    return (a->partition > b->partition) - (a->partition < b->partition);
}

static void add_file(struct files *files, const struct file *file)
{
    if (files->len == files->capacity) {
        files->capacity = files->capacity ? files->capacity * 2 : 64;
        files->list = xrealloc(files->list, files->capacity * sizeof *files->list);
    }
    files->list[files->len++] = *file;
}

/* All files, by hour. */
static bool list_files(struct segments *segments, struct files *files, struct err *reterr)
{
    int fd = openat(segments->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory) {
        if (fd >= 0)
            close(fd);
        return io_error(reterr, segments, ".");
    }
    for (const struct dirent *entry; (entry = readdir(directory));) {
        struct file file;
        struct stat facts;
        if (!read_name(entry->d_name, &file) ||
            fstatat(segments->fd, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(facts.st_mode))
            continue;
        file.size = (uint64_t)facts.st_size;
        add_file(files, &file);
    }
    closedir(directory);
    if (files->len > 1)
        qsort(files->list, files->len, sizeof *files->list, by_hour);
    return true;
}

bool segments_drop(struct segments *segments, int64_t from_ms, struct err *reterr)
{
    CLEANUP(files_done) struct files files = {.len = 0};
    if (!list_files(segments, &files, reterr))
        return false;
    bool good = true;
    for (size_t i = 0; i < files.len && files.list[i].hour < hour_of(from_ms); i++) {
        char name[NAME_SIZE];
        name_of(files.list[i].partition, files.list[i].hour, name);
        if (unlinkat(segments->fd, name, 0) != 0 && errno != ENOENT)
            good = io_error(reterr, segments, name);
    }
    return good;
}

/* Reading */

/* Copies the file into *bytes (a mapping would end the process if somebody cut the file). */
static bool load(const struct segments *segments, const struct file *file, struct buf *bytes)
{
    char name[NAME_SIZE];
    name_of(file->partition, file->hour, name);
    int fd = openat(segments->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    buf_reset(bytes);
    ssize_t n = 0;
    char *to;
    while (bytes->size < file->size && (to = buf_reserve(bytes, file->size - bytes->size)) &&
           (n = read(fd, to, file->size - bytes->size)) > 0)
        bytes->size += (size_t)n;
    close(fd);
    return n >= 0 && !bytes->overflow;
}

bool segments_read(struct segments *segments, int64_t from_ms, segments_take *take, void *arg,
                   struct segments_found *ret_found, struct err *reterr)
{
    CLEANUP(files_done) struct files files = {.len = 0};
    if (!list_files(segments, &files, reterr))
        return false;
    struct segments_found found = {.files = 0};
    CLEANUP(buf_done) struct buf bytes;
    buf_init(&bytes, SIZE_MAX / 2);
    bool go_on = true;
    for (size_t i = 0; go_on && i < files.len; i++) {
        if (files.list[i].hour < hour_of(from_ms))
            continue;
        found.files++;
        if (!load(segments, &files.list[i], &bytes)) {
            found.unreadable++;
            continue;
        }
        struct segment_reader reader = {.rest = buf_slice(&bytes)};
        struct segment_stamp stamp;
        struct slice ids;
        while (go_on && segment_next(&reader, &stamp, &ids))
            go_on = take(arg, &stamp, ids);
        found.damaged += reader.damaged;
    }
    *ret_found = found;
    return true;
}
