bin_PROGRAMS += bxb
# Everything but main, so that the unit tests can link it.
noinst_LIBRARIES += %D%/libcli.a
%C%_libcli_a_SOURCES = \
  %D%/args.c %D%/args.h %D%/cli.c %D%/cli.h %D%/commands.def \
  %D%/output.c %D%/output.h %D%/http.c %D%/http.h %D%/lines.c %D%/lines.h \
  %D%/document.c %D%/document.h \
  %D%/progress.c %D%/progress.h \
  %D%/migrate.c %D%/org_change.c %D%/org_list.c %D%/org_columns.c %D%/org_columns.h \
  %D%/metric_change.c %D%/metric_list.c %D%/metric_show.c %D%/metric_columns.c %D%/metric_columns.h \
  %D%/dead.c %D%/dead.h %D%/dead_list.c %D%/dead_show.c %D%/dead_discard.c %D%/dead_redrive.c \
  %D%/redrive.c %D%/redrive.h \
  %D%/mending.c %D%/mending.h %D%/mending_log.c %D%/mending_batches.c %D%/mending_plan.c \
  %D%/mending_show.c %D%/topic_renew.c %D%/lanes_repair.c \
  %D%/key_make.c %D%/key_revoke.c %D%/key_list.c \
  %D%/send.c %D%/send_answer.c %D%/send_answer.h \
  %D%/status.c %D%/status.h %D%/status_collect.c %D%/status_show.c
%C%_libcli_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
bxb_SOURCES = %D%/main.c
bxb_CPPFLAGS = $(AM_CPPFLAGS)
bxb_LDADD = %D%/libcli.a writer/libwriter.a ledger/libledger.a batch/libbatch.a dedup/libdedup.a \
  catalog/libcatalog.a kafka/libkafka.a clickhouse/libclickhouse.a \
  postgres/libpostgres.a schemas/libschemas.a base/libbase.a \
  $(RDKAFKA_LIBS) $(CURL_LIBS) $(LIBPQ_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += %D%/README.md
