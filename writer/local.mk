bin_PROGRAMS += bxb-writer
noinst_LIBRARIES += %D%/libwriter.a
%C%_libwriter_a_SOURCES = \
  %D%/anchor.c %D%/anchor.h %D%/coordinator.c %D%/coordinator.h %D%/coordinator_status.c \
  %D%/lane.c %D%/lane.h %D%/lane_open.c %D%/lane_anchors.c %D%/lane_recall.c %D%/lane_rebuild.c \
  %D%/lane_work.c %D%/lane_commit.c %D%/lane_prune.c %D%/lease.c %D%/lease.h \
  %D%/flight.c %D%/flight.h %D%/horizon.h %D%/insert.c %D%/insert.h %D%/margin.c %D%/margin.h %D%/read_back.c %D%/read_back.h \
  %D%/status.c %D%/status.h %D%/stop.c %D%/stop.h
%C%_libwriter_a_CPPFLAGS = $(AM_CPPFLAGS)
bxb_writer_SOURCES = %D%/main.c
bxb_writer_LDADD = %D%/libwriter.a ledger/libledger.a batch/libbatch.a dedup/libdedup.a kafka/libkafka.a clickhouse/libclickhouse.a \
  postgres/libpostgres.a schemas/libschemas.a admin/libadmin.a base/libbase.a \
  $(MHD_LIBS) $(RDKAFKA_LIBS) $(CURL_LIBS) $(LIBPQ_LIBS) $(JANSSON_LIBS) $(COMPRESSION_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += %D%/README.md
