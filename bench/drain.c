/* bench-drain: the least that a writer between Kafka and ClickHouse can do, to measure bxb-writer
 * against.
 *
 *     bench-drain --kafka HOST:PORT --topic NAME --records N [--clickhouse HOST:PORT --table NAME
 *                 BLOCK_FILE…]
 *
 * Consumes the first N records of the topic and looks at none of them; then posts each file, if
 * there are any, rows in ClickHouse's Native format, as one INSERT. No decoding, no encoding, no
 * intents, no PostgreSQL. Prints one JSON object with the CPU time of both steps.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 30000, /* without a record, after which something is wrong */
    POLL_BATCH = 10000,
    BLOCK_MAX = 1 << 30, /* bytes of a file of rows */
};

struct options {
    const char *kafka, *topic, *clickhouse, *table;
    uint64_t records;
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench-drain: %s: %s\n", what, why);
    exit(2);
}

static int64_t cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        fail(name, why);
}

/* A consumer at the beginning of every partition, with the properties that bxb-writer uses. */
static rd_kafka_t *start_consumer(const struct options *options)
{
    char why[256];
    const struct rd_kafka_metadata *metadata;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", options->kafka);
    set(conf, "group.id", "bench-drain");
    set(conf, "enable.auto.commit", "false");
    set(conf, "check.crcs", "true");
    set(conf, "queued.min.messages", "400000");
    set(conf, "queued.max.messages.kbytes", "131072");
    set(conf, "fetch.max.bytes", "1048576");
    set(conf, "fetch.message.max.bytes", "1048576");
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!rk)
        fail("librdkafka", why);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, options->topic, NULL);
    rd_kafka_resp_err_t error = rd_kafka_metadata(rk, 0, topic, &metadata, PATIENCE_MS);
    if (error)
        fail(options->kafka, rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; metadata->topic_cnt == 1 && i < metadata->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(list, options->topic, i)->offset = 0;
    if (list->cnt == 0)
        fail(options->topic, "no such topic");
    if ((error = rd_kafka_assign(rk, list)))
        fail("assign", rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return rk;
}

static void consume(const struct options *options)
{
    rd_kafka_t *rk = start_consumer(options);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    rd_kafka_message_t **messages = xcalloc(POLL_BATCH, sizeof(rd_kafka_message_t *));
    int64_t last_ms = clock_mono_ms();
    for (uint64_t seen = 0; seen < options->records;) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 1000, messages, POLL_BATCH);
        for (ssize_t i = 0; i < n; i++) {
            if (!messages[i]->err)
                seen++;
            rd_kafka_message_destroy(messages[i]);
        }
        if (n > 0)
            last_ms = clock_mono_ms();
        else if (clock_mono_ms() - last_ms > PATIENCE_MS)
            fail(options->topic, "it holds fewer records than --records");
    }
    free(messages);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

static int connect_to(const char *where)
{
    char host[64];
    unsigned port;
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (sscanf(where, "%63[0-9.]:%u", host, &port) != 2 || port > 65535 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1)
        fail(where, "not ADDRESS:PORT");
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail(where, "cannot connect");
    return fd;
}

static void send_all(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t n = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (n <= 0)
            fail("ClickHouse", "the connection broke");
        bytes = (struct slice){bytes.data + n, bytes.size - (size_t)n};
    }
}

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path, "cannot be opened");
    for (;;) {
        char *to = buf_reserve(out, 1 << 20);
        size_t n = to ? fread(to, 1, 1 << 20, file) : 0;
        if (n == 0)
            break;
        out->size += n;
    }
    fclose(file);
    if (out->overflow || out->size == 0)
        fail(path, "empty, or too large");
}

/* Posts one file as one INSERT, on a connection of its own. */
static void insert(const struct options *options, const char *path, size_t number)
{
    struct buf head, rows;
    char answer[4096];
    buf_init(&head, 4096);
    buf_init(&rows, BLOCK_MAX);
    read_file(path, &rows);
    buf_printf(&head,
               "POST /?insert_deduplication_token=bench-%s-%zu&async_insert=0&query="
               "INSERT%%20INTO%%20%s%%20FORMAT%%20Native HTTP/1.1\r\nHost: %s\r\n"
               "Connection: close\r\nContent-Length: %zu\r\n\r\n",
               options->table, number, options->table, options->clickhouse, rows.size);
    int fd = connect_to(options->clickhouse);
    send_all(fd, buf_slice(&head));
    send_all(fd, buf_slice(&rows));
    ssize_t n = recv(fd, answer, sizeof answer - 1, MSG_WAITALL);
    answer[n > 0 ? n : 0] = '\0';
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || strstr(answer, "X-ClickHouse-Exception-Code"))
        fail(path, answer);
    close(fd);
    buf_done(&head);
    buf_done(&rows);
}

static void usage(void)
{
    fputs("usage: bench-drain --kafka HOST:PORT --topic NAME --records N\n"
          "                   [--clickhouse ADDRESS:PORT --table NAME BLOCK_FILE…]\n",
          stderr);
    exit(64);
}

static uint64_t read_number(const char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number == 0)
        usage();
    return number;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"kafka", required_argument, NULL, 'k'},      {"topic", required_argument, NULL, 't'},
        {"clickhouse", required_argument, NULL, 'c'}, {"table", required_argument, NULL, 'n'},
        {"records", required_argument, NULL, 'r'},    {NULL, 0, NULL, 0}};
    struct options options = {.records = 0};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == 'k')
            options.kafka = optarg;
        else if (option == 't')
            options.topic = optarg;
        else if (option == 'c')
            options.clickhouse = optarg;
        else if (option == 'n')
            options.table = optarg;
        else if (option == 'r')
            options.records = read_number(optarg);
        else
            usage();
    }
    const bool inserts = optind < argc, has_target = options.clickhouse && options.table;
    if (!options.kafka || !options.topic || !options.records || inserts != has_target)
        usage();
    int64_t start_us = cpu_us();
    consume(&options);
    int64_t consumed_us = cpu_us();
    for (int i = optind; i < argc; i++)
        insert(&options, argv[i], (size_t)i);
    printf("{\"records\":%" PRIu64 ",\"consume_cpu_us\":%" PRId64 ",\"insert_cpu_us\":%" PRId64
           "}\n",
           options.records, consumed_us - start_us, cpu_us() - consumed_us);
    return 0;
}
