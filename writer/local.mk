bin_PROGRAMS += bxb-writer
noinst_LIBRARIES += %D%/libwriter.a
%C%_libwriter_a_SOURCES = \
  %D%/lane.c %D%/lane.h %D%/lane_open.c %D%/lane_prune.c %D%/lane_anchors.c %D%/lane_commit.c %D%/lane_rebuild.c %D%/lane_work.c \
  %D%/breaker.c %D%/breaker.h \
  %D%/coordinator.c %D%/coordinator.h %D%/coordinator_status.c \
  %D%/roster.c %D%/roster.h %D%/share.c %D%/share.h \
  %D%/batch.c %D%/batch.h %D%/columns.c %D%/columns.h %D%/order.c %D%/order.h %D%/usage.c %D%/usage.h \
  %D%/row.h %D%/fate.c %D%/fate.h %D%/fate_reasons.def %D%/fates.c %D%/fates.h %D%/dead.c %D%/dead.h %D%/records.c %D%/records.h \
  %D%/intent.c %D%/intent.h %D%/ledger.c %D%/ledger_batch.c %D%/ledger_claim.c %D%/ledger_dead.c %D%/ledger_prune.c %D%/ledger_records.c %D%/ledger.h \
  %D%/ledger_internal.h \
  %D%/content.c %D%/content.h %D%/duplicates.c %D%/duplicates.h %D%/first.c %D%/first_records.c %D%/first.h \
  %D%/known.c %D%/known.h %D%/lane_recall.c %D%/ledger_recall.c \
  %D%/flight.c %D%/flight.h %D%/insert.c %D%/insert.h %D%/read_back.c %D%/read_back.h \
  %D%/lease.c %D%/lease.h %D%/owner.c %D%/owner.h \
  %D%/status.c %D%/status.h %D%/stop.c %D%/stop.h
%C%_libwriter_a_CPPFLAGS = $(AM_CPPFLAGS)
bxb_writer_SOURCES = %D%/main.c
bxb_writer_LDADD = %D%/libwriter.a dedup/libdedup.a kafka/libkafka.a clickhouse/libclickhouse.a \
  postgres/libpostgres.a schemas/libschemas.a admin/libadmin.a base/libbase.a \
  $(MHD_LIBS) $(RDKAFKA_LIBS) $(CURL_LIBS) $(LIBPQ_LIBS) $(JANSSON_LIBS) $(COMPRESSION_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += %D%/README.md
